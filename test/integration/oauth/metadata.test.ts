/** The metadata documents, and their hosts. */
import { expect, test } from 'vitest'
import { createOAuthClient, send, sendAs } from '../../support/oauth.ts'
import { createTestRelay, type TestRelay } from '../../support/relay.ts'
import { forge } from './forgery.ts'

const RESOURCE = '/.well-known/oauth-protected-resource'
const SERVER = '/.well-known/oauth-authorization-server'
const PATHS = [`${RESOURCE}/mcp`, RESOURCE, SERVER, '/register', '/authorize', '/token']

const get = (relay: TestRelay, path: string) => send(relay, path, { method: 'GET' })

const PING = { jsonrpc: '2.0', id: 1, method: 'ping' }

function ping(token: string) {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  return { method: 'POST', headers, body: JSON.stringify(PING) }
}

test('the documents describe the endpoints, under the origin that was asked', async () => {
  await using relay = await createTestRelay()
  const documents = []
  for (const path of PATHS.slice(0, 3)) {
    const { status, headers, body } = await get(relay, path)
    expect([status, headers.get('content-type')]).toEqual([200, 'application/json'])
    documents.push(JSON.parse(JSON.stringify(body).replaceAll(relay.url, 'https://relay.example')))
  }
  expect(documents).toMatchInlineSnapshot(`
    [
      {
        "authorization_servers": [
          "https://relay.example",
        ],
        "bearer_methods_supported": [
          "header",
        ],
        "resource": "https://relay.example/mcp",
        "resource_name": "Relay",
        "scopes_supported": [
          "mcp",
          "mcp:read",
        ],
      },
      {
        "authorization_servers": [
          "https://relay.example",
        ],
        "bearer_methods_supported": [
          "header",
        ],
        "resource": "https://relay.example",
        "resource_name": "Relay",
        "scopes_supported": [
          "mcp",
          "mcp:read",
        ],
      },
      {
        "authorization_endpoint": "https://relay.example/authorize",
        "authorization_response_iss_parameter_supported": true,
        "client_id_metadata_document_supported": true,
        "code_challenge_methods_supported": [
          "S256",
        ],
        "grant_types_supported": [
          "authorization_code",
          "refresh_token",
        ],
        "issuer": "https://relay.example",
        "registration_endpoint": "https://relay.example/register",
        "response_types_supported": [
          "code",
        ],
        "scopes_supported": [
          "mcp",
          "mcp:read",
        ],
        "token_endpoint": "https://relay.example/token",
        "token_endpoint_auth_methods_supported": [
          "none",
        ],
      },
    ]
  `)
})

test('resource metadata with a slash at the end names the resource as it was typed', async () => {
  await using relay = await createTestRelay()
  const { body } = await get(relay, `${RESOURCE}/mcp/`)
  expect(body).toMatchObject({
    resource: `${relay.url}/mcp/`,
    authorization_servers: [relay.url],
  })
  expect((await get(relay, `${RESOURCE}/`)).body.resource).toBe(relay.url)
})

test.each(PATHS.slice(0, 3))('pages of any origin may read %s', async (path) => {
  await using relay = await createTestRelay()
  const headers = { origin: 'https://app.example' }
  const answer = await send(relay, path, { method: 'GET', headers })
  expect(answer.headers.get('access-control-allow-origin')).toBe('*')
})

test.each(['/register', '/token', `${RESOURCE}/mcp`])(
  'a preflight for %s allows any origin its method and headers',
  async (path) => {
    await using relay = await createTestRelay()
    const { status, headers } = await send(relay, path, {
      method: 'OPTIONS',
      headers: {
        origin: 'https://app.example',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'content-type, mcp-protocol-version',
      },
    })
    expect([status, headers.get('access-control-allow-origin')]).toEqual([204, '*'])
    expect(headers.get('access-control-allow-methods')).toContain('POST')
    expect(headers.get('access-control-allow-headers')).toMatch(/content-type.*mcp-protocol-ver/i)
    expect(headers.get('access-control-allow-credentials')).toBeNull()
  },
)

test('errors of the token endpoint can be read by pages of any origin', async () => {
  await using relay = await createTestRelay()
  const answer = await send(relay, '/token', { method: 'POST', body: new URLSearchParams() })
  expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([401, '*'])
})

test('no page but our own is allowed to read the consent page', async () => {
  await using relay = await createTestRelay()
  for (const method of ['GET', 'OPTIONS', 'POST']) {
    const headers = { origin: 'https://app.example' }
    const answer = await send(relay, '/authorize', { method, headers })
    expect(answer.headers.get('access-control-allow-origin')).toBeNull()
  }
})

test('HEAD of a document is GET without the body', async () => {
  await using relay = await createTestRelay()
  for (const path of PATHS.slice(0, 3)) {
    const { status, headers, body } = await send(relay, path, { method: 'HEAD' })
    expect([status, headers.get('content-type'), body]).toEqual([200, 'application/json', ''])
  }
})

test.each([
  ['POST', `${RESOURCE}/mcp`, 'GET'],
  ['DELETE', SERVER, 'GET'],
  ['GET', '/register', 'POST'],
  ['HEAD', '/register', 'POST'],
  ['PUT', '/register', 'POST'],
  ['GET', '/token', 'POST'],
  ['DELETE', '/token', 'POST'],
  ['PATCH', '/authorize', 'GET, POST'],
])('%s %s is 405 and names %s', async (method, path, allow) => {
  await using relay = await createTestRelay()
  const { status, headers, body } = await send(relay, path, { method })
  expect([status, headers.get('allow')]).toEqual([405, allow])
  if (method !== 'HEAD') expect(body).toMatchObject({ error: 'method_not_allowed' })
})

test.each([
  '/.well-known/openid-configuration',
  '/.well-known/openid-configuration/mcp',
  `${SERVER}/mcp`,
  `${SERVER}/`,
  `${RESOURCE}/other`,
  '/mcp/.well-known/oauth-protected-resource',
  '/.well-known/',
  '/authorize/',
  '/token/',
  '/constructor',
  '/__proto__',
])('%s is a plain 404', async (path) => {
  await using relay = await createTestRelay()
  const { status, headers, body } = await get(relay, path)
  expect([status, headers.get('content-type')]).toEqual([404, 'application/json'])
  expect(body).toMatchObject({ error: 'not_found' })
})

test('the challenge of each endpoint names the document of that endpoint', async () => {
  await using relay = await createTestRelay()
  const headers = { 'content-type': 'application/json' }
  const challenges = []
  for (const path of ['/mcp', '/', '/mcp/', '//mcp', '//']) {
    const body = JSON.stringify(PING)
    const answer = await send(relay, relay.url + path, { method: 'POST', headers, body })
    expect(answer.status).toBe(401)
    challenges.push(answer.headers.get('www-authenticate')?.replaceAll(relay.url, ''))
  }
  expect(challenges).toEqual([
    `Bearer scope="mcp mcp:read", resource_metadata="${RESOURCE}/mcp"`,
    `Bearer scope="mcp mcp:read", resource_metadata="${RESOURCE}"`,
    `Bearer scope="mcp mcp:read", resource_metadata="${RESOURCE}/mcp/"`,
    `Bearer scope="mcp mcp:read", resource_metadata="${RESOURCE}/mcp"`,
    `Bearer scope="mcp mcp:read", resource_metadata="${RESOURCE}/mcp"`,
  ])
})

test('with RELAY_PUBLIC_URL, that origin is the issuer, and no other host has OAuth', async () => {
  const publicUrl = 'https://relay.example'
  await using relay = await createTestRelay({
    bindings: {
      RELAY_PUBLIC_URL: publicUrl,
      RELAY_HOSTS: 'relay.example,127.0.0.1,relay.example.evil.example',
    },
  })
  const own = await sendAs('relay.example', relay, SERVER)
  expect(own.body).toMatchObject({ issuer: publicUrl, token_endpoint: `${publicUrl}/token` })
  const resource = await sendAs('relay.example', relay, `${RESOURCE}/mcp`)
  expect(resource.body).toMatchObject({
    resource: `${publicUrl}/mcp`,
    authorization_servers: [publicUrl],
  })

  const token = await forge(relay, 'access', {
    claims: { iss: publicUrl, aud: `${publicUrl}/mcp` },
  })
  expect((await sendAs('relay.example', relay, '/mcp', ping(token))).status).toBe(200)

  const others = [
    new URL(relay.url).host,
    'relay.example:8443',
    'relay.example.evil.example',
    'relay.example.',
  ]
  for (const host of others) {
    for (const path of PATHS) {
      expect.soft((await sendAs(host, relay, path)).status, `${host}${path}`).toBe(421)
    }
    const answer = await sendAs(host, relay, '/mcp', ping(token))
    expect.soft([answer.status, answer.body.result]).toEqual([421, undefined])
  }
  const { host } = new URL(relay.url)
  expect((await sendAs(host, relay, '/mcp', ping(relay.key))).status).toBe(200)
  expect((await sendAs(host, relay, '/health')).status).toBe(200)
  const challenge = await sendAs(host, relay, '/mcp', { method: 'POST' })
  expect(challenge.headers.get('www-authenticate')).toContain(`="${publicUrl}${RESOURCE}/mcp"`)
})

test('without it, a token issued under one host name is invalid under another', async () => {
  await using relay = await createTestRelay()
  const { port } = new URL(relay.url)
  const { access_token } = await (await createOAuthClient(relay)).connect()
  for (const host of [`localhost:${port}`, `[::1]:${port}`, '127.0.0.1', '127.0.0.1:1']) {
    const answer = await sendAs(host, relay, '/mcp', ping(access_token))
    expect.soft([host, answer.status, answer.body.error]).toEqual([host, 401, 'invalid_token'])
    const document = await sendAs(host, relay, SERVER)
    expect(document.body.issuer).toBe(new URL(`http://${host}`).origin)
  }
  expect((await sendAs(`127.0.0.1:${port}`, relay, '/mcp', ping(access_token))).status).toBe(200)
})

test('a host that the local stack does not answer to learns nothing and mints nothing', async () => {
  await using relay = await createTestRelay()
  for (const path of PATHS) {
    const answer = await sendAs('evil.example', relay, path)
    expect([answer.status, answer.body.error]).toEqual([421, 'misdirected_request'])
  }
})

test.each(['127.0.0.1:99999', '127.0.0.1:x', '[::1', 'a b', '%'])(
  'the host %j is 400, and no error of ours',
  async (host) => {
    await using relay = await createTestRelay()
    for (const path of PATHS) {
      const { status, body } = await sendAs(host, relay, `${path}?api_key=${relay.key}`)
      expect([status, body.error]).toEqual([400, 'bad_request'])
    }
    expect(JSON.stringify(relay.logs)).not.toContain(relay.key)
  },
)

test('a key of 32 characters is long enough', async () => {
  await using relay = await createTestRelay({ bindings: { RELAY_API_KEY: 'k'.repeat(32) } })
  expect((await get(relay, SERVER)).status).toBe(200)
})
