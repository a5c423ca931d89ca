/**
 * The longest text that fits into a request, as every argument: answered at once, in a time that grows
 * with the length. What grows faster takes minutes at this size, so the time limit of a test finds it.
 */
import { expect, test } from 'vitest'
import { createTestRelay, type TestRelay } from '../../support/relay.ts'

/** 1.9 MB of UTF-8; the endpoint takes 2 MB. */
const BYTES = 1_900_000

/** Two combining marks in the order that normalization has to exchange. */
const TEXTS: [name: string, text: string][] = [
  ['combining marks', `a${'\u0301'.repeat(BYTES / 4)}${'\u0316'.repeat(BYTES / 4)}`],
  ['line breaks', '\n'.repeat(BYTES / 2)],
  ['angle brackets', '<'.repeat(BYTES)],
  ['quotes', '"'.repeat(BYTES / 2)],
  ['one letter', 'a'.repeat(BYTES)],
  ['spaces', ' '.repeat(BYTES)],
]

/** Arguments that make a call of each tool complete, so that the hostile one is all that is wrong. */
const COMPLETE: Record<string, object> = {
  relay_list_threads: {},
  relay_create_thread: { name: 'a' },
  relay_post_message: { thread_name: 'a', content: 'x', surface: 'code' },
  relay_read_thread: { thread_name: 'a' },
  relay_check_new: { reader_tag: 'r' },
  relay_archive_thread: { thread_name: 'a' },
}

async function request(relay: TestRelay, method: string, params: object): Promise<unknown> {
  const { body } = await relay.rpc(
    { jsonrpc: '2.0', id: 1, method, params },
    { 'mcp-protocol-version': '2025-11-25' },
  )
  return body
}

/** Sends it, and an honest call at the same time, which is answered too. */
async function expectAnswers(relay: TestRelay, method: string, params: object) {
  const [hostile, honest] = await Promise.all([
    request(relay, method, params),
    relay.call('relay_list_threads'),
  ])
  expect(hostile, method).toSatisfy((body) => 'result' in body || 'error' in body)
  expect(honest.structuredContent).toBeDefined()
}

test.each(TEXTS)(
  'every argument of every tool takes 1.9 MB of %s',
  async (_, text) => {
    await using relay = await createTestRelay()
    const { result } = (await request(relay, 'tools/list', {})) as {
      result: { tools: { name: string; inputSchema: { properties: object } }[] }
    }
    expect(result.tools.map(({ name }) => name)).toEqual(Object.keys(COMPLETE))
    for (const { name, inputSchema } of result.tools) {
      for (const argument of [...Object.keys(inputSchema.properties), text]) {
        await expectAnswers(relay, 'tools/call', {
          name,
          arguments: { ...COMPLETE[name], [argument]: text },
        })
      }
    }
  },
  120_000,
)

test.each(TEXTS)(
  'every parameter of other methods takes 1.9 MB of %s',
  async (_, text) => {
    await using relay = await createTestRelay()
    const ref = { type: 'ref/prompt', name: 'hand_off' }
    const requests: [string, object][] = [
      ['prompts/get', { name: 'hand_off', arguments: { thread: text } }],
      ['prompts/get', { name: 'hand_off', arguments: { focus: text } }],
      ['prompts/get', { name: 'catch_up', arguments: { thread: text } }],
      ['prompts/get', { name: 'catch_up', arguments: { reader_tag: text } }],
      ['prompts/get', { name: text }],
      ['completion/complete', { ref, argument: { name: 'thread', value: text } }],
      ['completion/complete', { ref, argument: { name: text, value: '' } }],
      [
        'completion/complete',
        { ref: { type: 'ref/resource', uri: text }, argument: { name: 'name', value: '' } },
      ],
      ['resources/read', { uri: `relay://threads/${text}` }],
      ['resources/read', { uri: text }],
      ['resources/list', { cursor: text }],
      ['tools/call', { name: text, arguments: {} }],
      ['tools/call', { name: 'relay_list_threads', arguments: text }],
      ['initialize', { protocolVersion: text, clientInfo: { name: text.slice(0, BYTES / 8) } }],
      [text, {}],
    ]
    for (const [method, params] of requests) await expectAnswers(relay, method, params)
  },
  60_000,
)

test.each(TEXTS)('OAuth endpoints take 16 KB of %s', async (_, text) => {
  await using relay = await createTestRelay()
  const part = text.slice(0, 5_000)
  const redirect_uris = ['https://app.example/callback']
  const registration = await relay.fetch('/register', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ client_name: part, redirect_uris }),
  })
  expect(registration.status).toBe(201)
  const { client_name } = (await registration.json()) as { client_name: string }
  expect([...client_name].length).toBeLessThanOrEqual(40)
  for (const path of ['/authorize', '/token']) {
    for (const name of ['client_id', 'redirect_uri', 'scope', 'resource', 'code', 'api_key']) {
      const body = new URLSearchParams({ [name]: text.slice(0, 2_000) })
      const response = await relay.fetch(path, { method: 'POST', body })
      expect([400, 401]).toContain(response.status)
    }
  }
})
