/** Tokens at the resource under attack: nothing but an access token of ours, in the header, is one. */
import { expect, test } from 'vitest'
import { callWith, createOAuthClient, destination, send } from '../../support/oauth.ts'
import { createTestRelay, type RpcResponse, type TestRelay } from '../../support/relay.ts'
import { type Forgery, forge, tampered } from './forgery.ts'

const MODERN = '2026-07-28'
const META = {
  'io.modelcontextprotocol/protocolVersion': MODERN,
  'io.modelcontextprotocol/clientCapabilities': {},
}

const ago = (seconds: number) => Math.floor(Date.now() / 1000) - seconds

/** Refused for its token, with nothing asked of the database. */
function expectRefused(relay: TestRelay, { status, headers, body }: RpcResponse) {
  expect([status, body.error, body.result]).toEqual([401, 'invalid_token', undefined])
  expect(headers.get('www-authenticate')).toBe(
    'Bearer error="invalid_token", scope="mcp mcp:read", ' +
      `resource_metadata="${relay.url}/.well-known/oauth-protected-resource/mcp"`,
  )
  expect(requestsOf(relay)).toEqual([])
}

/** The functions that were called, but for that of the token endpoint. */
function requestsOf({ gateway }: TestRelay): string[] {
  return [...gateway.requests.keys()].filter((name) => name !== 'relay_use_grant')
}

test.each([
  ['the endpoint', '/mcp'],
  ['the origin', ''],
])('a token for %s is good at both endpoints', async (_, path) => {
  await using relay = await createTestRelay()
  const token = await forge(relay, 'access', { claims: { aud: relay.url + path } })
  expect((await callWith(relay, token)).status).toBe(200)
  const headers = { authorization: `bearer  ${token}`, 'content-type': 'application/json' }
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' })
  expect((await send(relay, '/', { method: 'POST', headers, body })).status).toBe(200)
})

test.each<[string, Forgery]>([
  ['that has expired', { claims: { exp: ago(1) } }],
  ['without an end', { claims: { exp: undefined } }],
  ['whose end is not a number', { claims: { exp: 'never' } }],
  ['that is not valid yet', { claims: { nbf: ago(-60) } }],
  ['without a time of issue', { claims: { iat: undefined } }],
  ['of another issuer', { claims: { iss: 'https://evil.example' } }],
  ['without an issuer', { claims: { iss: undefined } }],
  ['with two issuers', { claims: { iss: ['https://evil.example'] } }],
  ['for another audience', { claims: { aud: 'https://evil.example/mcp' } }],
  ['for a path below', { claims: { aud: 'BELOW' } }],
  ['for the token endpoint', { claims: { aud: 'TOKEN' } }],
  ['without an audience', { claims: { aud: undefined } }],
  ['for an empty list', { claims: { aud: [] } }],
  ['of another person', { claims: { sub: '00000000-0000-4000-8000-000000000000' } }],
  ['without a person', { claims: { sub: undefined } }],
  ['without a client', { claims: { client_id: undefined } }],
  ['without a scope', { claims: { scope: undefined } }],
  ['with an unknown scope', { claims: { scope: 'admin' } }],
  ['with an empty scope', { claims: { scope: '' } }],
  ['with scopes in an array', { claims: { scope: ['mcp'] } }],
  ['with a list of scopes', { claims: { scope: 'mcp mcp:read' } }],
  ['without an id', { claims: { jti: undefined } }],
  ['of no typ', { header: { typ: undefined } }],
  ['of typ JWT', { header: { typ: 'JWT' } }],
  ['of the typ of a code', { header: { typ: 'code+jwt' } }],
  ['of the typ of a refresh token', { header: { typ: 'rt+jwt' } }],
  ['with a critical header', { header: { crit: ['x'], x: 1 } }],
  ['in HS384', { header: { alg: 'HS384' } }],
  ['in HS512', { header: { alg: 'HS512' } }],
  ['of another key', { key: 'another key of thirty-two characters' }],
  ['of the service key of the database', { key: 'sb_secret_0123456789abcdef0123456789' }],
])('a token %s is invalid', async (_, forgery) => {
  await using relay = await createTestRelay()
  const places: Record<string, string> = {
    BELOW: `${relay.url}/mcp/more`,
    TOKEN: `${relay.url}/token`,
  }
  const { aud, ...claims } = forgery.claims ?? {}
  const isAudience = forgery.claims && 'aud' in forgery.claims
  const odd = isAudience ? { ...claims, aud: places[String(aud)] ?? aud } : claims
  const token = await forge(relay, 'access', { ...forgery, claims: odd })
  const headers = { authorization: `Bearer ${token}` }
  expectRefused(relay, await callWith(relay, token))
  const listed = await relay.rpc({ jsonrpc: '2.0', id: 1, method: 'tools/list' }, headers)
  expectRefused(relay, listed)
})

test.each([
  ['alg none', { header: { alg: 'none' } }],
  ['alg NONE', { header: { alg: 'NONE' } }],
  ['HS512', { header: { alg: 'HS512' } }],
  ['a wider scope', { claims: { scope: 'mcp' } }],
  ['a later end', { claims: { exp: 9_999_999_999 } }],
])('a token changed to %s is invalid', async (_, part) => {
  await using relay = await createTestRelay()
  const { access_token } = await (await createOAuthClient(relay)).connect({ scope: 'mcp:read' })
  expectRefused(relay, await callWith(relay, tampered(access_token, part)))
})

test('a token whose signature is cut, changed or missing is invalid', async () => {
  await using relay = await createTestRelay()
  const { access_token } = await (await createOAuthClient(relay)).connect()
  const [header, claims, signature = ''] = access_token.split('.')
  const turned = [...signature].reverse().join('')
  for (const other of ['', signature.slice(0, -2), turned, `${signature}AA`]) {
    expectRefused(relay, await callWith(relay, `${header}.${claims}.${other}`))
  }
})

test('neither a code, nor a refresh token, nor a client id opens the endpoint', async () => {
  await using relay = await createTestRelay()
  const client = await createOAuthClient(relay)
  const { refresh_token } = await client.connect()
  const code = destination(await client.decide()).get('code') ?? ''
  for (const token of [refresh_token, code, client.clientId]) {
    expectRefused(relay, await callWith(relay, token))
  }
})

test('a token is read only from the header', async () => {
  await using relay = await createTestRelay()
  const { access_token } = await (await createOAuthClient(relay)).connect()
  const call = {
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name: 'relay_list_threads', arguments: {} },
  }
  const json = { 'content-type': 'application/json' }
  for (const token of [access_token, relay.key]) {
    const query = new URLSearchParams({ access_token: token, token, api_key: token })
    const attempts = [
      [`/mcp?${query}`, json, JSON.stringify(call)],
      ['/mcp', json, JSON.stringify({ ...call, access_token: token })],
      ['/mcp', { 'content-type': 'application/x-www-form-urlencoded' }, `${query}`],
      ['/mcp', { ...json, cookie: `access_token=${token}` }, JSON.stringify(call)],
      ['/mcp', { ...json, 'x-api-key': token }, JSON.stringify(call)],
      ['/mcp', { ...json, authorization: `Basic ${btoa(`relay:${token}`)}` }, JSON.stringify(call)],
      ['/mcp', { ...json, authorization: token }, JSON.stringify(call)],
      ['/mcp', { ...json, 'proxy-authorization': `Bearer ${token}` }, JSON.stringify(call)],
    ] as const
    for (const [path, headers, body] of attempts) {
      const answer = await send(relay, path, { method: 'POST', headers, body })
      expect([answer.status, answer.body.error]).toEqual([401, 'unauthorized'])
    }
  }
  expect(requestsOf(relay)).toEqual([])
})

test('a failed token is 401 however often, and no guess at the key', async () => {
  await using relay = await createTestRelay({})
  const token = await forge(relay, 'access', { claims: { exp: ago(1) } })
  const answers = await Promise.all(Array.from({ length: 40 }, () => callWith(relay, token)))
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401]))
  expect((await callWith(relay, 'a guess')).status).toBe(401)
})

const READS: [string, object][] = [
  ['relay_list_threads', {}],
  ['relay_read_thread', { thread_name: 'a' }],
  ['relay_check_new', { reader_tag: 'me' }],
]
const WRITES: [string, object][] = [
  ['relay_post_message', { thread_name: 'a', surface: 'code', content: 'More.' }],
  ['relay_create_thread', { name: 'b' }],
  ['relay_archive_thread', { thread_name: 'a' }],
]

async function readOnly(relay: TestRelay): Promise<string> {
  await relay.call('relay_post_message', { thread_name: 'a', surface: 'code', content: 'Hello.' })
  return (await (await createOAuthClient(relay)).connect({ scope: 'mcp:read' })).access_token
}

function expectTooNarrow(relay: TestRelay, { status, headers, body }: RpcResponse) {
  expect([status, body.error, body.result]).toEqual([403, 'insufficient_scope', undefined])
  expect(headers.get('www-authenticate')).toBe(
    'Bearer error="insufficient_scope", scope="mcp", ' +
      `resource_metadata="${relay.url}/.well-known/oauth-protected-resource/mcp"`,
  )
}

test.each(READS)('mcp:read may call %s', async (tool, args) => {
  await using relay = await createTestRelay()
  const { status, body } = await callWith(relay, await readOnly(relay), tool, args)
  expect([status, body.result.isError]).toEqual([200, undefined])
})

test.each(WRITES)('mcp:read may not call %s, and mcp may', async (tool, args) => {
  await using relay = await createTestRelay()
  const token = await readOnly(relay)
  const before = await rows(relay)
  expectTooNarrow(relay, await callWith(relay, token, tool, args))
  expect(await rows(relay)).toBe(before)
  const wide = await forge(relay, 'access', { claims: { scope: 'mcp' } })
  expect((await callWith(relay, wide, tool, args)).status).toBe(200)
})

test('tools/list has only the tools that mcp:read may use, and no cache may share it', async () => {
  await using relay = await createTestRelay()
  const headers = { authorization: `Bearer ${await readOnly(relay)}` }
  const request = { jsonrpc: '2.0', id: 1, method: 'tools/list' }
  const { body } = await relay.rpc(request, headers)
  expect(body.result.tools.map(({ name }: { name: string }) => name)).toEqual([
    'relay_list_threads',
    'relay_read_thread',
    'relay_check_new',
  ])
  expect((await relay.rpc(request)).body.result.tools).toHaveLength(6)
  const modern = await relay.rpc(
    { ...request, params: { _meta: META } },
    { ...headers, 'mcp-protocol-version': MODERN, 'mcp-method': 'tools/list' },
  )
  expect(modern.body.result).toMatchObject({ cacheScope: 'private' })
})

test('an unknown tool is an unknown tool for mcp:read', async () => {
  await using relay = await createTestRelay()
  const headers = { authorization: `Bearer ${await readOnly(relay)}` }
  const unknown = await callWith(relay, headers.authorization.slice(7), 'relay_drop_all', {})
  expect([unknown.status, unknown.body.error.code]).toEqual([200, -32602])
})

test.each<[string, object]>([
  ['resources/list', {}],
  ['resources/templates/list', {}],
  ['resources/read', { uri: 'relay://threads/a' }],
  ['prompts/list', {}],
  ['prompts/get', { name: 'hand_off', arguments: { thread: 'a' } }],
  [
    'completion/complete',
    {
      ref: { type: 'ref/prompt', name: 'hand_off' },
      argument: { name: 'thread', value: '' },
    },
  ],
])('mcp:read is enough for %s', async (method, params) => {
  await using relay = await createTestRelay()
  const headers = { authorization: `Bearer ${await readOnly(relay)}` }
  const { status, body } = await relay.rpc({ jsonrpc: '2.0', id: 1, method, params }, headers)
  expect([status, body.error]).toEqual([200, undefined])
})

test('one write among reads keeps a whole batch from running', async () => {
  await using relay = await createTestRelay()
  const token = await readOnly(relay)
  const before = await rows(relay)
  relay.gateway.requests.clear()
  const call = ([name, args]: [string, object], id?: number) => ({
    jsonrpc: '2.0',
    ...(id !== undefined && { id }),
    method: 'tools/call',
    params: { name, arguments: args },
  })
  const [read, write] = [READS[0], WRITES[0]] as [[string, object], [string, object]]
  const headers = { authorization: `Bearer ${token}`, 'mcp-protocol-version': '2025-03-26' }
  for (const batch of [
    [call(read, 1), call(write, 2)],
    [call(write, 1), call(read, 2)],
    [call(read, 1), call(write)],
    call(write),
  ]) {
    expectTooNarrow(relay, await relay.rpc(batch, headers))
  }
  expect([await rows(relay), relay.gateway.requests.size]).toEqual([before, 0])
  expect((await relay.rpc([call(read, 1), call(read, 2)], headers)).status).toBe(200)
})

test('a name in other spellings or shapes does not bypass the scope', async () => {
  await using relay = await createTestRelay()
  const headers = { authorization: `Bearer ${await readOnly(relay)}` }
  const before = await rows(relay)
  const args = JSON.stringify(WRITES[0]?.[1])
  const bodies = [
    `{"jsonrpc":"2.0","id":1,"method":"tools\\u002fcall","params":{"name":"relay_post_\\u006dessage","arguments":${args}}}`,
    `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"relay_list_threads","name":"relay_post_message","arguments":${args}}}`,
    `{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call","params":{"name":"relay_post_message","arguments":${args}}}`,
    `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":["relay_post_message"],"arguments":${args}}}`,
    `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":" relay_post_message","arguments":${args}}}`,
    `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"RELAY_POST_MESSAGE","arguments":${args}}}`,
    `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":[{"name":"relay_post_message","arguments":${args}}]}`,
    `[[{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"relay_post_message","arguments":${args}}}]]`,
  ]
  for (const body of bodies) {
    const answer = await relay.rpc(body, { ...headers, 'mcp-protocol-version': '2025-03-26' })
    expect(answer.status).toBeLessThan(500)
    expect(JSON.stringify(answer.body)).not.toContain('"result"')
  }
  expect(await rows(relay)).toBe(before)
})

test('a scheme that was pasted with the key is named, and no guess at the key', async () => {
  await using relay = await createTestRelay({})
  for (let n = 0; n < 15; n += 1) {
    const answer = await callWith(relay, `Bearer ${relay.key}`)
    expect([answer.status, answer.body.message]).toEqual([
      401,
      expect.stringContaining('the word Bearer twice'),
    ])
  }
  expect((await callWith(relay, relay.key)).status).toBe(200)
})

/** Rows in all tables of the relay. */
async function rows(relay: TestRelay): Promise<number> {
  const client = await relay.database.connect()
  const counts = await client.query(
    `select (select count(*) from relay_threads) + (select count(*) from relay_messages)
      + (select count(*) from relay_read_cursors) as rows`,
  )
  await client.end()
  return Number(counts.rows[0].rows)
}
