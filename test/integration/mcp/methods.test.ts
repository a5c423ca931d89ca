/** The answers of the methods, in both eras. */
import { expect, test } from 'vitest'
import { createTestRelay } from '../../support/relay.ts'

const META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
  'io.modelcontextprotocol/clientInfo': { name: 'test-client', version: '1' },
}

const modern = (method: string, params: object = {}, id: unknown = 'a') => ({
  jsonrpc: '2.0',
  id,
  method,
  params: { _meta: META, ...params },
})

const headers = (method: string, name?: string) => ({
  'mcp-protocol-version': '2026-07-28',
  'mcp-method': method,
  ...(name && { 'mcp-name': name }),
})

test('server/discover names only the modern version, and how long that holds', async () => {
  await using relay = await createTestRelay()
  const { status, body } = await relay.rpc(modern('server/discover'), headers('server/discover'))
  expect(status).toBe(200)
  expect(body.result).toMatchObject({
    resultType: 'complete',
    supportedVersions: ['2026-07-28'],
    capabilities: { tools: {}, resources: {}, prompts: {}, completions: {} },
    ttlMs: 3_600_000,
    cacheScope: 'public',
    _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'relay-mcp' } },
  })
  expect(relay.gateway.requests.size).toBe(0)
})

test.each([
  ['2025-11-25', '2025-11-25'],
  ['2025-06-18', '2025-06-18'],
  ['2025-03-26', '2025-03-26'],
  ['2024-11-05', '2024-11-05'],
  ['2026-07-28', '2025-11-25'],
  ['1.0', '2025-11-25'],
])('initialize with %s agrees on %s', async (requested, agreed) => {
  await using relay = await createTestRelay()
  const { body } = await relay.rpc({
    jsonrpc: '2.0',
    id: 0,
    method: 'initialize',
    params: {
      protocolVersion: requested,
      capabilities: {},
      clientInfo: { name: 'old', version: '1' },
    },
  })
  expect(body.result).toMatchObject({
    protocolVersion: agreed,
    capabilities: { tools: {}, resources: {}, prompts: {}, completions: {} },
    serverInfo: { name: 'relay-mcp' },
    instructions: expect.stringContaining('relay_check_new'),
  })
  expect(body.result).not.toHaveProperty('resultType')
})

test('tools/list is the same six tools in both eras, pinned', async () => {
  await using relay = await createTestRelay()
  const { body } = await relay.rpc(modern('tools/list'), headers('tools/list'))
  const legacy = await relay.rpc({ jsonrpc: '2.0', id: 1, method: 'tools/list' })
  expect(legacy.body.result).toEqual({ tools: body.result.tools })
  expect(Buffer.byteLength(JSON.stringify(body))).toBeLessThanOrEqual(10_240)
  await expect(JSON.stringify(body.result.tools, null, 2)).toMatchFileSnapshot(
    './__snapshots__/tools.json',
  )
})

test('no schema has a keyword that a client of some model or era cannot read', async () => {
  await using relay = await createTestRelay()
  const { body } = await relay.rpc({ jsonrpc: '2.0', id: 1, method: 'tools/list' })
  for (const tool of body.result.tools) {
    expect(tool.inputSchema).toMatchObject({ type: 'object', additionalProperties: false })
    expect(tool.outputSchema.type).toBe('object')
    expect(tool.outputSchema.additionalProperties).not.toBe(false)
    expect(tool.title).not.toBe('')
    expect(Object.values(tool.annotations)).toHaveLength(4)
    expect(new TextEncoder().encode(tool.description).byteLength).toBeLessThan(2048)
    expect(JSON.stringify(tool.inputSchema)).not.toMatch(/anyOf|\$ref|\$schema/)
    for (const property of Object.values<{ description?: string }>(tool.inputSchema.properties)) {
      expect(property.description).toBeTruthy()
    }
  }
})

test('a call in the modern era has the same answer as in the legacy era', async () => {
  await using relay = await createTestRelay()
  await relay.call('relay_post_message', { thread_name: 'ü', surface: 'code', content: 'Hi.' })
  const name = 'relay_read_thread'
  const { body } = await relay.rpc(
    modern('tools/call', { name, arguments: { thread_name: 'ü' } }),
    headers('tools/call', name),
  )
  const legacy = await relay.call(name, { thread_name: 'ü' })
  expect(body.result.structuredContent).toEqual(legacy.structuredContent)
  expect(body.result).toMatchObject({ resultType: 'complete', content: legacy.content })
  expect(body.result).not.toHaveProperty('ttlMs')
  expect(legacy).not.toHaveProperty('_meta')
})

test('a subscription is acknowledged and ended in one stream', async () => {
  await using relay = await createTestRelay()
  const { headers: answered, body } = await relay.rpc(
    modern('subscriptions/listen', { notifications: { toolsListChanged: true } }, 7),
    headers('subscriptions/listen'),
  )
  expect(answered.get('content-type')).toBe('text/event-stream')
  expect(answered.get('x-accel-buffering')).toBe('no')
  const messages = [...body.matchAll(/^data: (.*)$/gm)].map(([, data]) => JSON.parse(data))
  const subscription = { 'io.modelcontextprotocol/subscriptionId': 7 }
  expect(messages).toMatchObject([
    {
      method: 'notifications/subscriptions/acknowledged',
      params: { notifications: {}, _meta: subscription },
    },
    { id: 7, result: { resultType: 'complete', _meta: subscription } },
  ])
})

const ping = (id: unknown) => ({ jsonrpc: '2.0', id, method: 'ping' })

test('a batch is answered in order, without its notifications', async () => {
  await using relay = await createTestRelay()
  const { status, body } = await relay.rpc([
    ping(1),
    { jsonrpc: '2.0', method: 'notifications/initialized' },
    { jsonrpc: '2.0', id: 'x', method: 'no/such' },
    7,
    ping('b'),
  ])
  expect(status).toBe(200)
  expect(body).toMatchObject([
    { id: 1, result: {} },
    { id: 'x', error: { code: -32601 } },
    { error: { code: -32600 } },
    { id: 'b', result: {} },
  ])
})

test('a batch of only notifications is accepted without an answer', async () => {
  await using relay = await createTestRelay()
  const batch = [{ jsonrpc: '2.0', method: 'notifications/initialized' }]
  expect(await relay.rpc(batch)).toMatchObject({ status: 202, body: '' })
})

test.each([
  ['21 messages', Array.from({ length: 21 }, (_, id) => ping(id)), {}],
  ['a newer version', [ping(1)], { 'mcp-protocol-version': '2025-06-18' }],
  ['the modern version', [ping(1)], { 'mcp-protocol-version': '2026-07-28' }],
  ['an envelope inside', [modern('tools/list')], {}],
  ['initialize inside', [{ jsonrpc: '2.0', id: 1, method: 'initialize', params: {} }], {}],
])('a batch with %s is refused whole', async (_, batch, extra) => {
  await using relay = await createTestRelay()
  const response = await relay.rpc(batch, extra as Record<string, string>)
  expect(response).toMatchObject({ status: 400, body: { error: { code: -32600 } } })
})

test('the calls of a batch share one budget, and none loses messages that do not fit', async () => {
  await using relay = await createTestRelay()
  for (let n = 0; n < 4; n++) {
    await relay.call('relay_post_message', {
      thread_name: 'long',
      surface: 'code',
      content: 'x'.repeat(29_000),
    })
  }
  const check = (id: number) => ({
    jsonrpc: '2.0',
    id,
    method: 'tools/call',
    params: { name: 'relay_check_new', arguments: { thread_name: 'long', reader_tag: 'r' } },
  })
  const { body } = await relay.rpc([check(1), check(2), check(3)])
  const [first, second, third] = body
  expect(first.result.structuredContent).toMatchObject({ new_message_count: 2, remaining_count: 2 })
  expect(second.result.structuredContent).toMatchObject({ new_message_count: 1 })
  expect(third.result).toMatchObject({ isError: true })
  const rest = await relay.call('relay_check_new', { thread_name: 'long', reader_tag: 'r' })
  expect(rest.structuredContent).toMatchObject({ new_message_count: 1, remaining_count: 0 })
})

test('wait_seconds is ignored inside a batch', async () => {
  await using relay = await createTestRelay()
  await relay.call('relay_create_thread', { name: 'quiet' })
  const params = {
    name: 'relay_check_new',
    arguments: { thread_name: 'quiet', reader_tag: 'r', wait_seconds: 45 },
  }
  const { body } = await relay.rpc([{ jsonrpc: '2.0', id: 1, method: 'tools/call', params }])
  expect(body[0].result.structuredContent).toMatchObject({ new_message_count: 0 })
  expect(relay.gateway.requests.get('relay_check_new')).toBe(1)
})

test('a key does not come into the log by whatever name it is sent', async () => {
  await using relay = await createTestRelay()
  const clientInfo = { name: `me ${relay.key}`, version: '1' }
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo }
  await relay.rpc({ jsonrpc: '2.0', id: 1, method: 'initialize', params })
  await relay.rpc({ jsonrpc: '2.0', id: 1, method: relay.key }, { 'user-agent': relay.key })
  await relay.log((line) => line.rpc_method === '[key]')
  expect(JSON.stringify(relay.logs)).not.toContain(relay.key)
})

test('every call leaves one log line, with neither key nor content in it', async () => {
  await using relay = await createTestRelay()
  const name = 'relay_post_message'
  const args = { thread_name: 'secret-plans', surface: 'code', content: 'the content' }
  await relay.rpc(modern('tools/call', { name, arguments: args }), headers('tools/call', name))
  const line = await relay.log((entry) => entry.tool === name)
  expect(line).toMatchObject({
    time: expect.stringMatching(/^\d{4}-.*Z$/),
    request_id: expect.any(String),
    method: 'POST',
    path: '/mcp',
    rpc_method: 'tools/call',
    client: 'test-client',
    era: 'modern',
    status: 200,
    outcome: 'ok',
    duration_ms: expect.any(Number),
    db_ms: expect.any(Number),
  })
  const written = JSON.stringify(relay.logs)
  for (const secret of [relay.key, 'secret-plans', 'the content']) {
    expect(written).not.toContain(secret)
  }
})
