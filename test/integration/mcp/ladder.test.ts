/** The rungs that a request climbs before a method sees it, and the answer of the first that breaks. */
import { expect, test } from 'vitest'
import { createTestRelay } from '../../support/relay.ts'

const MODERN = '2026-07-28'
const META = {
  'io.modelcontextprotocol/protocolVersion': MODERN,
  'io.modelcontextprotocol/clientCapabilities': {},
}

const request = (method: string, params: object = {}, id: unknown = 1) => ({
  jsonrpc: '2.0',
  id,
  method,
  params,
})

const modern = (method: string, params: object = {}) => request(method, { _meta: META, ...params })

const modernHeaders = (method: string, name?: string) => ({
  'mcp-protocol-version': MODERN,
  'mcp-method': method,
  ...(name !== undefined && { 'mcp-name': name }),
})

test('a preflight is answered without a key', async () => {
  await using relay = await createTestRelay()
  const response = await relay.fetch('/mcp', {
    method: 'OPTIONS',
    headers: { origin: relay.url, 'access-control-request-method': 'POST' },
  })
  expect(response.status).toBe(204)
  expect(response.headers.get('access-control-allow-origin')).toBe(relay.url)
  expect(response.headers.get('access-control-allow-headers')).toContain('Mcp-Method')
})

test.each([
  ['https://evil.example', 403],
  ['null', 403],
  ['not an origin', 403],
  ['http://127.0.0.1.evil.example', 403],
  ['http://localhost:5173', 200],
  [undefined, 200],
])('a page of origin %s gets %i', async (origin, status) => {
  await using relay = await createTestRelay()
  const response = await relay.rpc(request('ping'), origin === undefined ? {} : { origin })
  expect(response.status).toBe(status)
  expect(response.headers.get('access-control-allow-origin')).toBe(
    status === 200 ? (origin ?? null) : null,
  )
})

test('a foreign origin learns nothing from a preflight', async () => {
  await using relay = await createTestRelay()
  const response = await relay.fetch('/mcp', {
    method: 'OPTIONS',
    headers: { origin: 'https://evil.example' },
  })
  expect(response.status).toBe(204)
  expect(response.headers.get('access-control-allow-origin')).toBeNull()
})

test('an app with a scheme of its own may call once its origin is allowed', async () => {
  await using relay = await createTestRelay({
    bindings: { RELAY_ALLOWED_ORIGINS: 'app://obsidian.md, *' },
  })
  const allowed = await relay.rpc(request('ping'), { origin: 'app://obsidian.md' })
  expect(allowed.status).toBe(200)
  expect(allowed.headers.get('access-control-allow-origin')).toBe('app://obsidian.md')
  for (const origin of ['app://other', 'https://evil.example', 'null']) {
    expect((await relay.rpc(request('ping'), { origin })).status).toBe(403)
  }
})

test('an origin that was allowed by name may call', async () => {
  await using relay = await createTestRelay({
    bindings: { RELAY_ALLOWED_ORIGINS: 'https://app.example' },
  })
  const allowed = await relay.rpc(request('ping'), { origin: 'https://app.example' })
  expect(allowed.status).toBe(200)
  expect(allowed.headers.get('access-control-allow-origin')).toBe('https://app.example')
  const other = await relay.rpc(request('ping'), { origin: 'https://other.example' })
  expect(other.status).toBe(403)
})

test.each([
  ['no key', {}],
  ['a wrong key', { authorization: 'Bearer wrong' }],
  ['an empty key', { authorization: 'Bearer ' }],
  ['another scheme', { authorization: 'Basic a2V5' }],
])('%s is 401 with a challenge, for GET too', async (_, headers) => {
  await using relay = await createTestRelay()
  for (const method of ['GET', 'POST', 'DELETE']) {
    const response = await relay.fetch('/mcp', { method, headers })
    expect(response.status).toBe(401)
    expect(response.headers.get('www-authenticate')).toMatch(/^Bearer /)
  }
})

test('a key in the query string is not accepted', async () => {
  await using relay = await createTestRelay()
  const response = await relay.fetch(`/mcp?access_token=${relay.key}&key=${relay.key}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(request('ping')),
  })
  expect(response.status).toBe(401)
})

test('during a rotation the key before is good too', async () => {
  await using relay = await createTestRelay({
    bindings: { RELAY_API_KEY_PREVIOUS: 'the key before it, long enough for one' },
  })
  for (const [key, status] of [
    [relay.key, 200],
    ['the key before it, long enough for one', 200],
    ['the key before that, long enough for one', 401],
  ] as const) {
    const answer = await relay.rpc(request('ping'), { authorization: `Bearer ${key}` })
    expect(answer.status).toBe(status)
  }
})

test('the scheme of the key is case-insensitive', async () => {
  await using relay = await createTestRelay()
  const response = await relay.rpc(request('ping'), { authorization: `bearer  ${relay.key}` })
  expect(response.body).toEqual({ jsonrpc: '2.0', id: 1, result: {} })
})

test.each(['GET', 'PUT', 'DELETE'])('%s with a key is 405', async (method) => {
  await using relay = await createTestRelay()
  const response = await relay.fetch('/mcp', {
    method,
    headers: { authorization: `Bearer ${relay.key}`, accept: 'text/event-stream' },
  })
  expect(response.status).toBe(405)
  expect(response.headers.get('allow')).toBe('POST')
})

test.each([
  ['text/plain', 415],
  ['application/x-www-form-urlencoded', 415],
  ['text/plain; application/json', 415],
  ['application/jsonp', 415],
  ['', 415],
  ['Application/JSON ; charset=utf-8', 200],
])('media type %j is %i', async (type, status) => {
  await using relay = await createTestRelay()
  expect(await relay.rpc(request('ping'), { 'content-type': type })).toMatchObject({ status })
})

test('a body above 2 MB is 413, with and without a length', async () => {
  await using relay = await createTestRelay()
  const headers = { authorization: `Bearer ${relay.key}`, 'content-type': 'application/json' }
  const body = 'x'.repeat(2_000_001)
  const whole = await relay.fetch('/mcp', { method: 'POST', headers, body })
  expect(whole.status).toBe(413)
  const streamed = await relay.fetch('/mcp', {
    method: 'POST',
    headers,
    body: new Blob([body]).stream(),
    duplex: 'half',
  } as RequestInit)
  expect(streamed.status).toBe(413)
})

test.each([
  ['nothing', ''],
  ['text', 'hello'],
  ['half of an object', '{"jsonrpc":"2.0","id":1,'],
  ['bytes that are not UTF-8', new Uint8Array([0x22, 0xff, 0xfe, 0x22])],
  ['an overlong encoding', new Uint8Array([0x22, 0xc0, 0xaf, 0x22])],
  ['half of a character', new Uint8Array([0x22, 0xe2, 0x82])],
])('%s is a parse error without an id', async (_, body) => {
  await using relay = await createTestRelay()
  const response = await relay.fetch('/mcp', {
    method: 'POST',
    headers: { authorization: `Bearer ${relay.key}`, 'content-type': 'application/json' },
    body,
  })
  expect(response.status).toBe(400)
  const answer = await response.json()
  expect(answer).toMatchObject({ jsonrpc: '2.0', error: { code: -32700 } })
  expect(answer).not.toHaveProperty('id')
})

test.each([
  ['null', null],
  ['a number', 7],
  ['a string', '"ping"'],
  ['no version', { id: 1, method: 'ping' }],
  ['version 1', { jsonrpc: '1.0', id: 1, method: 'ping' }],
  ['id null', { jsonrpc: '2.0', id: null, method: 'ping' }],
  ['id true', { jsonrpc: '2.0', id: true, method: 'ping' }],
  ['id as an object', { jsonrpc: '2.0', id: {}, method: 'ping' }],
  ['half an id', { jsonrpc: '2.0', id: 1.5, method: 'ping' }],
  [
    'an id that a number cannot hold',
    '{"jsonrpc":"2.0","id":12345678901234567890,"method":"ping"}',
  ],
  ['a notification whose method is a number', { jsonrpc: '2.0', method: 7 }],
  ['an empty batch', []],
])('%s is an invalid request without an id', async (_, body) => {
  await using relay = await createTestRelay()
  const response = await relay.rpc(body)
  expect(response).toMatchObject({ status: 400, body: { error: { code: -32600 } } })
  expect(response.body).not.toHaveProperty('id')
})

test('100,000 levels of nesting are read, and refused as invalid', async () => {
  await using relay = await createTestRelay()
  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`
  expect(await relay.rpc(`{"jsonrpc":"2.0","id":1,"method":${deep}}`)).toMatchObject({
    status: 400,
    body: { id: 1, error: { code: -32600 } },
  })
  const call = `{"name":"relay_post_message","arguments":{"thread_name":"a","surface":"code","content":"b","metadata":{"a":${deep}}}}`
  expect(
    await relay.rpc(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${call}}`),
  ).toMatchObject({ status: 200, body: { id: 1, result: { isError: true } } })
})

test('a posted response is dropped, and refused in the modern era', async () => {
  await using relay = await createTestRelay()
  const response = { jsonrpc: '2.0', id: 1, result: {} }
  expect(await relay.rpc(response)).toMatchObject({ status: 202, body: '' })
  expect(await relay.rpc(response, { 'mcp-protocol-version': MODERN })).toMatchObject({
    status: 400,
    body: { error: { code: -32600 } },
  })
})

test.each(['notifications/initialized', 'notifications/cancelled', 'no/such/thing'])(
  'notification %s is accepted without an answer',
  async (method) => {
    await using relay = await createTestRelay()
    expect(await relay.rpc({ jsonrpc: '2.0', method })).toMatchObject({ status: 202, body: '' })
  },
)

test.each([['a string'], [''], [0], [-7], [Number.MAX_SAFE_INTEGER]])(
  'id %j is echoed as it is',
  async (id) => {
    await using relay = await createTestRelay()
    const response = await relay.rpc(request('ping', {}, id))
    expect(response.body).toEqual({ jsonrpc: '2.0', id, result: {} })
  },
)

const envelope = (meta: object) => request('tools/list', { _meta: { ...META, ...meta } })
const VERSION_KEY = 'io.modelcontextprotocol/protocolVersion'
const CAPABILITIES_KEY = 'io.modelcontextprotocol/clientCapabilities'

test.each([
  ['M1: no envelope', request('tools/list'), modernHeaders('tools/list'), 400, -32602],
  [
    'M1: params as an array',
    { ...request('tools/list'), params: [] },
    modernHeaders('tools/list'),
    400,
    -32602,
  ],
  [
    'M1: params as text',
    { ...request('tools/list'), params: 'text' },
    modernHeaders('tools/list'),
    400,
    -32602,
  ],
  [
    'M1: params as a filled array',
    { ...request('tools/list'), params: [1] },
    modernHeaders('tools/list'),
    400,
    -32602,
  ],
  [
    'M1: version as a number',
    envelope({ [VERSION_KEY]: 1 }),
    modernHeaders('tools/list'),
    400,
    -32602,
  ],
  [
    'M1: no capabilities',
    envelope({ [CAPABILITIES_KEY]: undefined }),
    modernHeaders('tools/list'),
    400,
    -32602,
  ],
  ['M2: no version header', modern('tools/list'), { 'mcp-method': 'tools/list' }, 400, -32020],
  [
    'M2: another version in the header',
    modern('tools/list'),
    { ...modernHeaders('tools/list'), 'mcp-protocol-version': '2025-11-25' },
    400,
    -32020,
  ],
  [
    'M2: before M3',
    envelope({ [VERSION_KEY]: '1900-01-01' }),
    modernHeaders('tools/list'),
    400,
    -32020,
  ],
  [
    'M3: a version to come',
    envelope({ [VERSION_KEY]: '2099-01-01' }),
    { ...modernHeaders('tools/list'), 'mcp-protocol-version': '2099-01-01' },
    400,
    -32022,
  ],
  [
    'M3: a legacy version',
    envelope({ [VERSION_KEY]: '2025-11-25' }),
    { ...modernHeaders('tools/list'), 'mcp-protocol-version': '2025-11-25' },
    400,
    -32022,
  ],
  ['M4: no Mcp-Method', modern('tools/list'), { 'mcp-protocol-version': MODERN }, 400, -32020],
  ['M4: another Mcp-Method', modern('tools/list'), modernHeaders('tools/call'), 400, -32020],
  ['M4: in other letters', modern('tools/list'), modernHeaders('Tools/List'), 400, -32020],
  [
    'M5: no Mcp-Name',
    modern('tools/call', { name: 'relay_list_threads' }),
    modernHeaders('tools/call'),
    400,
    -32020,
  ],
  [
    'M5: another Mcp-Name',
    modern('tools/call', { name: 'relay_list_threads' }),
    modernHeaders('tools/call', 'x'),
    400,
    -32020,
  ],
  ['M6: no such method', modern('no/such'), modernHeaders('no/such'), 404, -32601],
  ['M6: initialize', modern('initialize'), modernHeaders('initialize'), 404, -32601],
  ['M6: ping', modern('ping'), modernHeaders('ping'), 404, -32601],
  [
    'M6: logging/setLevel',
    modern('logging/setLevel'),
    modernHeaders('logging/setLevel'),
    404,
    -32601,
  ],
  [
    'M5: another Mcp-Name for a resource',
    modern('resources/read', { uri: 'relay://threads' }),
    modernHeaders('resources/read', 'relay://threads/'),
    400,
    -32020,
  ],
  [
    'M5: no Mcp-Name for a prompt',
    modern('prompts/get', { name: 'catch_up' }),
    modernHeaders('prompts/get'),
    400,
    -32020,
  ],
  [
    'M6: resources/subscribe',
    modern('resources/subscribe', { uri: 'relay://threads' }),
    modernHeaders('resources/subscribe'),
    404,
    -32601,
  ],
  ['M6: tasks/get', modern('tasks/get'), modernHeaders('tasks/get'), 404, -32601],
  ['M6: a name of every object', modern('constructor'), modernHeaders('constructor'), 404, -32601],
  [
    'M9: no such tool',
    modern('tools/call', { name: 'x' }),
    modernHeaders('tools/call', 'x'),
    200,
    -32602,
  ],
  ['M9: a cursor', modern('tools/list', { cursor: 'x' }), modernHeaders('tools/list'), 200, -32602],
  [
    'M9: a subscription to nothing',
    modern('subscriptions/listen'),
    modernHeaders('subscriptions/listen'),
    200,
    -32602,
  ],
])('%s', async (_, body, headers, status, code) => {
  await using relay = await createTestRelay()
  expect(await relay.rpc(body, headers)).toMatchObject({ status, body: { id: 1, error: { code } } })
})

test('an unsupported version is answered with the ones that are', async () => {
  await using relay = await createTestRelay()
  const version = { [VERSION_KEY]: '2099-01-01' }
  const { body } = await relay.rpc(envelope(version), { 'mcp-protocol-version': '2099-01-01' })
  expect(body.error.data).toEqual({ supported: [MODERN], requested: '2099-01-01' })
})

test.each([
  [
    'a version that never was',
    request('ping'),
    { 'mcp-protocol-version': '2025-01-01' },
    400,
    -32600,
  ],
  ['no such method', request('no/such'), {}, 200, -32601],
  ['server/discover without an envelope', request('server/discover'), {}, 200, -32601],
  ['subscriptions/listen', request('subscriptions/listen', { notifications: {} }), {}, 200, -32601],
  ['resources/subscribe', request('resources/subscribe', { uri: 'x' }), {}, 200, -32601],
  ['logging/setLevel', request('logging/setLevel', { level: 'info' }), {}, 200, -32601],
  ['no such tool', request('tools/call', { name: 'relay_post' }), {}, 200, -32602],
  ['a call without a name', request('tools/call'), {}, 200, -32602],
  [
    'arguments as an array',
    request('tools/call', { name: 'relay_list_threads', arguments: ['x'] }),
    {},
    200,
    -32602,
  ],
  ['params as an array', { ...request('ping'), params: ['x'] }, {}, 200, -32602],
  ['initialize without a version', request('initialize'), {}, 200, -32602],
  ['a request without a method', { jsonrpc: '2.0', id: 1 }, {}, 400, -32600],
])('legacy: %s', async (_, body, headers, status, code) => {
  await using relay = await createTestRelay()
  expect(await relay.rpc(body, headers as Record<string, string>)).toMatchObject({
    status,
    body: { id: 1, error: { code } },
  })
})

test.each([
  ['params null', { params: null }],
  ['params []', { params: [] }],
  ['an empty cursor', { params: { cursor: '' } }],
  ['a cursor null', { params: { cursor: null } }],
])('a list with %s is the whole list', async (_, params) => {
  await using relay = await createTestRelay()
  const { body } = await relay.rpc({ ...request('tools/list'), ...params })
  expect(body.result.tools).toHaveLength(6)
})

test.each([[null], [''], [[]], ['{}'], [undefined]])(
  'a call with the arguments %j is one without arguments',
  async (args) => {
    await using relay = await createTestRelay()
    const params = { name: 'relay_list_threads', arguments: args }
    const { body } = await relay.rpc(request('tools/call', params))
    expect(body.result.isError).toBeUndefined()
  },
)

test.each(['2025-11-25, 2025-11-25', '', '2026-07-28', '1900-01-01'])(
  'initialize negotiates by its body, with the version header %j',
  async (version) => {
    await using relay = await createTestRelay()
    const clientInfo = { name: 'x', version: '1' }
    const params = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo }
    const { body } = await relay.rpc(request('initialize', params), {
      'mcp-protocol-version': version,
    })
    expect(body.result.protocolVersion).toBe('2025-06-18')
  },
)

test('a legacy request may lack its version header', async () => {
  await using relay = await createTestRelay()
  const { body } = await relay.rpc(request('tools/list'))
  expect(body.result.tools).toHaveLength(6)
})
