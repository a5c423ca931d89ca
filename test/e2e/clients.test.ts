/** The official clients, each in every way it may connect, pass messages to one another. */
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { expect, test } from 'vitest'
import { createTestRelay, type TestRelay } from '../support/relay.ts'

interface AnyClient extends AsyncDisposable {
  listTools(): Promise<{ tools: { name: string }[] }>
  callTool(call: { name: string; arguments: Record<string, unknown> }): Promise<unknown>
  getInstructions(): string | undefined
  listResources(): Promise<{ resources: { uri: string; name: string }[] }>
  listResourceTemplates(): Promise<{ resourceTemplates: { uriTemplate: string }[] }>
  readResource(params: { uri: string }): Promise<unknown>
  listPrompts(): Promise<{ prompts: { name: string }[] }>
  getPrompt(params: { name: string; arguments: Record<string, string> }): Promise<unknown>
  complete(params: {
    ref: { type: 'ref/resource'; uri: string } | { type: 'ref/prompt'; name: string }
    argument: { name: string; value: string }
  }): Promise<unknown>
}

const transportOptions = (relay: TestRelay) => ({
  requestInit: { headers: { authorization: `Bearer ${relay.key}` } },
})

const legacySdk = async (relay: TestRelay): Promise<AnyClient> => {
  const client = new LegacyClient({ name: 'sdk-1', version: '1' })
  const url = new URL('/mcp', relay.url)
  await client.connect(new LegacyTransport(url, transportOptions(relay)))
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.close() })
}

const client =
  (mode: 'auto' | 'legacy' | { pin: string }) =>
  async (relay: TestRelay): Promise<AnyClient> => {
    const connected = new Client(
      { name: 'client-2', version: '1' },
      { versionNegotiation: { mode } },
    )
    const url = new URL('/mcp', relay.url)
    await connected.connect(new StreamableHTTPClientTransport(url, transportOptions(relay)))
    return Object.assign(connected, { [Symbol.asyncDispose]: () => connected.close() })
  }

const CLIENTS = [
  ['sdk 1', legacySdk, 'legacy'],
  ['client 2, auto', client('auto'), 'modern'],
  ['client 2, legacy', client('legacy'), 'legacy'],
  ['client 2, pinned', client({ pin: '2026-07-28' }), 'modern'],
] as const

test.each(CLIENTS)(
  '%s connects, lists six tools and reads what another posted',
  async (...args) => {
    const [, connect, era] = args
    await using relay = await createTestRelay()
    await using writer = await legacySdk(relay)
    await using reader = await connect(relay)

    expect((await reader.listTools()).tools).toHaveLength(6)
    expect(reader.getInstructions()).toContain('relay_check_new')
    await writer.callTool({
      name: 'relay_post_message',
      arguments: { thread_name: 'hand-off', surface: 'chat', content: 'Über to you 🚀' },
    })
    const news = await reader.callTool({
      name: 'relay_check_new',
      arguments: { reader_tag: 'reader' },
    })
    expect(news).toMatchObject({
      structuredContent: {
        new_message_count: 1,
        messages: [{ content: 'Über to you 🚀', thread_name: 'hand-off', surface: 'chat' }],
      },
    })
    expect(await relay.log((line) => line.tool === 'relay_check_new')).toMatchObject({ era })
  },
)

test.each(CLIENTS)('%s accepts every tool’s answer as valid under its schema', async (...args) => {
  const [, connect] = args
  await using relay = await createTestRelay()
  await using caller = await connect(relay)
  // The clients validate structured content against the schemas of the list.
  await caller.listTools()
  for (const [name, toolArguments] of [
    ['relay_create_thread', { name: 'a' }],
    ['relay_post_message', { thread_name: 'a', surface: 'code', content: 'x', metadata: { n: 1 } }],
    ['relay_post_message', { thread_name: 'a', surface: 'code', content: 'y', session_tag: 's' }],
    ['relay_list_threads', { reader_tag: 'r', limit: 1 }],
    ['relay_read_thread', { thread_name: 'a', limit: 1, reader_tag: 'r' }],
    ['relay_read_thread', { query: 'x' }],
    ['relay_check_new', { reader_tag: 'r' }],
    ['relay_archive_thread', { thread_name: 'a' }],
    ['relay_read_thread', { thread_name: 'nowhere' }],
  ] as const) {
    const result = await caller.callTool({ name, arguments: toolArguments })
    const isRefusal =
      name === 'relay_read_thread' &&
      'thread_name' in toolArguments &&
      toolArguments.thread_name === 'nowhere'
    expect(Boolean((result as { isError?: boolean }).isError)).toBe(isRefusal)
  }
})

test.each(CLIENTS)(
  '%s sees threads as resources, gets prompts and completes names',
  async (...args) => {
    const [, connect] = args
    await using relay = await createTestRelay()
    await using caller = await connect(relay)
    const thread_name = 'Übergabe 1/2'
    const toolArguments = { thread_name, surface: 'code', content: 'Over to you.' }
    await caller.callTool({ name: 'relay_post_message', arguments: toolArguments })

    const { resources } = await caller.listResources()
    expect(resources.map(({ name }) => name)).toEqual(['threads', thread_name])
    for (const { uri } of resources) {
      expect(await caller.readResource({ uri })).toMatchObject({
        contents: [{ uri, mimeType: 'text/markdown', text: expect.stringContaining(thread_name) }],
      })
    }
    const missing = caller.readResource({ uri: 'relay://threads/nowhere' })
    await expect(missing).rejects.toThrow('nowhere')

    const { resourceTemplates } = await caller.listResourceTemplates()
    const { prompts } = await caller.listPrompts()
    expect(prompts.map(({ name }) => name)).toEqual(['hand_off', 'catch_up'])
    expect(
      await caller.getPrompt({ name: 'hand_off', arguments: { thread: thread_name } }),
    ).toMatchObject({
      messages: [{ role: 'user', content: { text: expect.stringContaining(thread_name) } }],
    })
    for (const [ref, name] of [
      [{ type: 'ref/resource', uri: resourceTemplates[0]?.uriTemplate ?? '' }, 'name'],
      [{ type: 'ref/prompt', name: 'catch_up' }, 'thread'],
    ] as const) {
      expect(await caller.complete({ ref, argument: { name, value: 'über' } })).toMatchObject({
        completion: { values: [thread_name], total: 1, hasMore: false },
      })
    }
  },
)

async function manage(relay: TestRelay, body: object): Promise<Record<string, string>> {
  const headers = { authorization: `Bearer ${relay.key}`, 'content-type': 'application/json' }
  const init = { method: 'POST', headers, body: JSON.stringify(body) }
  return (await relay.fetch('/manage', init)).json() as Promise<Record<string, string>>
}

test.each(CLIENTS)(
  '%s whose key was cut off connects, but every call is a 401',
  async (...args) => {
    const [, connect] = args
    await using relay = await createTestRelay()
    const { key = '', gid } = await manage(relay, { action: 'make_key', name: 'laptop' })
    await using caller = await connect({ ...relay, key })
    const arguments_ = { thread_name: 'a', surface: 'code', content: 'x' }
    const post = (by: AnyClient) =>
      by.callTool({ name: 'relay_post_message', arguments: arguments_ }).then(
        () => 'posted',
        ({ code, status, message }) => ({ status: status ?? code, message }),
      )
    expect(await post(caller)).toBe('posted')
    await manage(relay, { action: 'disconnect', gid })
    const refused = { status: 401, message: expect.stringContaining('"error":"invalid_token"') }
    expect(await post(caller)).toEqual(refused)
    // Authentication asks no database, so it still shows its tools.
    await using again = await connect({ ...relay, key })
    expect((await again.listTools()).tools).toHaveLength(6)
    expect(await post(again)).toEqual(refused)
    const { structuredContent } = await relay.call('relay_read_thread', { thread_name: 'a' })
    expect(structuredContent.messages).toHaveLength(1)
  },
)

test('a wrong key is an error of authorization, not a server that is not there', async () => {
  await using relay = await createTestRelay()
  await expect(legacySdk({ ...relay, key: 'wrong' })).rejects.toThrow()
  expect(await relay.log()).toMatchObject({ status: 401, error_code: 'wrong_key' })
})
