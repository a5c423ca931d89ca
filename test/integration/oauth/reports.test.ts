/** The smallest inputs of public bug reports about other servers, which clients send here too. */
import { expect, test } from 'vitest'
import { createOAuthClient, send } from '../../support/oauth.ts'
import { createTestRelay } from '../../support/relay.ts'

test.each([
  ['an empty client_secret (NangoHQ/nango #6919)', { client_secret: '' }],
  ['client_secret=None (BerriAI/litellm #23701)', { client_secret: 'None' }],
  [
    "a client assertion, as ChatGPT's document announces",
    {
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: `e30.${'x'.repeat(900)}.x`,
    },
  ],
])('a token request with %s is answered', async (_, parameters) => {
  await using relay = await createTestRelay()
  const client = await createOAuthClient(relay)
  const code = await client.authorize()
  const exchanged = await client.exchange(code, parameters)
  expect(exchanged.status).toBe(200)
  expect((await client.refresh(exchanged.body.refresh_token, parameters)).status).toBe(200)
})

test('an unknown client and a dead refresh token are told apart (better-auth #11035, obot #7501)', async () => {
  await using relay = await createTestRelay()
  const client = await createOAuthClient(relay)
  const { refresh_token } = await client.connect()
  const unknown = await client.refresh(refresh_token, { client_id: 'gone' })
  expect([unknown.status, unknown.body.error]).toEqual([401, 'invalid_client'])
  const dead = await client.refresh(`${refresh_token}x`)
  expect([dead.status, dead.body.error]).toEqual([400, 'invalid_grant'])
})

test.each(['application/json', 'text/event-stream', '*/*', ''])(
  'a call with Accept %j is answered (honojs/middleware #1799)',
  async (accept) => {
    await using relay = await createTestRelay()
    const { status, body } = await relay.rpc({ jsonrpc: '2.0', id: 1, method: 'ping' }, { accept })
    expect([status, body.result]).toEqual([200, {}])
  },
)

test('GET with Accept */* is 405 with a key and 401 without (XS-MLVP/UCAgent #127)', async () => {
  await using relay = await createTestRelay()
  const headers = { accept: '*/*' }
  const authorization = `Bearer ${relay.key}`
  const withKey = await send(relay, '/mcp', {
    method: 'GET',
    headers: { ...headers, authorization },
  })
  expect(withKey.status).toBe(405)
  expect((await send(relay, '/mcp', { method: 'GET', headers })).status).toBe(401)
})

test.each(['/mcp', '/mcp/'])(
  'the metadata that the challenge of %s names has the resource that was asked for (exa-mcp-server #387)',
  async (path) => {
    await using relay = await createTestRelay()
    const challenge = await send(relay, path, { method: 'POST' })
    const [, url = ''] =
      /resource_metadata="([^"]+)"/.exec(challenge.headers.get('www-authenticate') ?? '') ?? []
    const { body } = await send(relay, url, { method: 'GET' })
    expect(body.resource).toBe(relay.url + path)
    const client = await createOAuthClient(relay)
    expect((await client.connect({ resource: body.resource })).scope).toBe('mcp')
  },
)

test('metadata where it is not is 404 as JSON, and at the root it is there (nutrition-mcp #51)', async () => {
  await using relay = await createTestRelay()
  for (const path of [
    '/.well-known/oauth-authorization-server/mcp',
    '/mcp/.well-known/oauth-authorization-server',
  ]) {
    const { status, body } = await send(relay, path, { method: 'GET' })
    expect([status, body.error]).toEqual([404, 'not_found'])
  }
  const root = '/.well-known/oauth-authorization-server'
  expect((await send(relay, root, { method: 'GET' })).body.issuer).toBe(relay.url)
})
