/** The whole way in, as a client that knows nothing but the URL of the endpoint goes it. */
import { expect, test } from 'vitest'
import { callWith, createOAuthClient, destination, send } from '../../support/oauth.ts'
import { createTestRelay } from '../../support/relay.ts'

const INITIALIZE = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'new', version: '1' },
  },
}

test('from the challenge of a first call to a call with a token, and on with a new one', async () => {
  await using relay = await createTestRelay()
  const first = await relay.fetch('/mcp', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(INITIALIZE),
  })
  expect(first.status).toBe(401)
  const [, url = ''] =
    /resource_metadata="([^"]+)"/.exec(first.headers.get('www-authenticate') ?? '') ?? []

  const { body: resource } = await send(relay, url, { method: 'GET' })
  expect(resource.resource).toBe(`${relay.url}/mcp`)
  const [issuer] = resource.authorization_servers
  const metadata = `${issuer}/.well-known/oauth-authorization-server`
  const { body: server } = await send(relay, metadata, { method: 'GET' })
  expect(server.issuer).toBe(issuer)

  const registration = await send(relay, server.registration_endpoint, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ redirect_uris: ['https://app.example/callback'] }),
  })
  const client = await createOAuthClient(relay, { clientId: registration.body.client_id })
  expect(server.authorization_endpoint).toBe(`${relay.url}/authorize`)
  expect((await client.ask()).status).toBe(200)

  const decision = await client.decide()
  expect(decision.status).toBe(302)
  expect(decision.headers.get('location')).toMatch(/^https:\/\/app\.example\/callback\?/)
  const { code = '', ...others } = Object.fromEntries(destination(decision))
  expect(others).toEqual({ state: 'a state', iss: issuer })

  expect(server.token_endpoint).toBe(`${relay.url}/token`)
  const { body: tokens } = await client.exchange(code)
  expect(tokens).toEqual({
    access_token: expect.any(String),
    token_type: 'Bearer',
    expires_in: 7_776_000,
    refresh_token: expect.any(String),
    scope: 'mcp',
  })
  expect((await callWith(relay, tokens.access_token)).body.result.isError).toBeUndefined()

  const { body: renewed } = await client.refresh(tokens.refresh_token)
  expect(renewed.access_token).not.toBe(tokens.access_token)
  expect((await callWith(relay, renewed.access_token)).status).toBe(200)
  expect((await callWith(relay, tokens.access_token)).status).toBe(200)
})

test('a token reads messages that the static key wrote', async () => {
  await using relay = await createTestRelay()
  await relay.call('relay_post_message', { thread_name: 'a', surface: 'code', content: 'Hello.' })
  const { access_token } = await (await createOAuthClient(relay)).connect()
  const { body } = await callWith(relay, access_token, 'relay_read_thread', { thread_name: 'a' })
  expect(body.result.structuredContent.messages).toMatchObject([{ content: 'Hello.' }])
})

test('refreshes at the same time all succeed, and the old refresh token lives on', async () => {
  await using relay = await createTestRelay()
  const client = await createOAuthClient(relay)
  const { refresh_token } = await client.connect()
  const answers = await Promise.all(Array.from({ length: 5 }, () => client.refresh(refresh_token)))
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200])
  expect(new Set(answers.map(({ body }) => body.access_token)).size).toBe(5)
  expect((await client.refresh(refresh_token)).status).toBe(200)
})

test('the three redirect URIs of Cursor register at once, and each is sent a code', async () => {
  await using relay = await createTestRelay()
  const redirectUris = [
    'cursor://anysphere.cursor-mcp/oauth/callback',
    'https://www.cursor.com/agents/mcp/oauth/callback',
    'http://localhost:8787/callback',
  ]
  for (const redirectUri of redirectUris) {
    const client = await createOAuthClient(relay, { redirectUris, redirectUri })
    const { headers } = await client.decide()
    expect(headers.get('location')).toMatch(new RegExp(`^${redirectUri}\\?code=`))
  }
})

test('Claude without its document in reach is served from the copy that is built in', async () => {
  await using relay = await createTestRelay()
  const client = await createOAuthClient(relay, {
    clientId: 'https://claude.ai/oauth/mcp-oauth-client-metadata',
    redirectUri: 'https://claude.ai/api/mcp/auth_callback',
  })
  const page = await client.ask()
  expect(page.status).toBe(200)
  expect(page.body).toContain('<span class="host">claude.ai</span>')
  expect((await callWith(relay, (await client.connect()).access_token)).status).toBe(200)

  const elsewhere = await client.decide({ redirect_uri: 'https://claude.ai/api/other' })
  expect([elsewhere.status, elsewhere.headers.get('location')]).toEqual([400, null])
})

test.each([
  ['https://claude.ai/oauth/claude-code-client-metadata', 'http://127.0.0.1:4711/callback'],
  [
    'https://claude.ai/oauth/claude-code-client-metadata',
    'claude://claude.ai/mcp-auth-callback/sdk',
  ],
  ['https://chatgpt.com/oauth/codex/client.json', 'http://localhost:1455/callback'],
])('%s is sent a code at %s while its document is out of reach', async (clientId, redirectUri) => {
  await using relay = await createTestRelay()
  const client = await createOAuthClient(relay, { clientId, redirectUri })
  expect((await client.connect()).scope).toBe('mcp')
})

test('an app whose document is out of reach is distinguished from an unknown one', async () => {
  await using relay = await createTestRelay()
  const clientId = 'https://unknown.example/client.json'
  const client = await createOAuthClient(relay, { clientId })
  const page = await client.ask()
  expect([page.status, page.headers.get('location')]).toEqual([400, null])
  expect(page.body).toContain('could not fetch the description that unknown.example publishes')
  expect(page.body).not.toContain('Remove the connection')
  expect((await client.ask({ client_id: 'unknown' })).body).toContain('Remove the connection')
})

test('neither key, nor token, nor code, nor verifier is ever written to the log', async () => {
  await using relay = await createTestRelay()
  const client = await createOAuthClient(relay)
  const code = await client.authorize()
  const { body: tokens } = await client.exchange(code)
  await client.exchange(code)
  await client.refresh(tokens.refresh_token)
  await client.refresh(`${tokens.refresh_token}x`)
  await client.ask({ api_key: relay.key })
  await client.decide({ api_key: `${relay.key}x` })
  await callWith(relay, tokens.access_token)
  await callWith(relay, `${tokens.access_token}x`)
  await callWith(relay, `${relay.key}x`)
  await send(relay, `/mcp?access_token=${tokens.access_token}`, { method: 'POST' })
  await send(relay, `/${tokens.access_token}`, { method: 'GET' })
  await relay.log((line) => line.path === '(other)')
  const written = JSON.stringify(relay.logs)
  expect(relay.logs.length).toBeGreaterThanOrEqual(12)
  for (const secret of [relay.key, client.verifier, client.clientId, code, 'eyJ', 'a state']) {
    expect(written).not.toContain(secret)
  }
})
