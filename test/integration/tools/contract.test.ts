/** Rules for every tool, and the calls and answers of relay-mcp 0.1.0. */
import { expect, test } from 'vitest'
import { createTestRelay, type TestRelay } from '../../support/relay.ts'

const post = (relay: TestRelay, thread_name: string, content: string, more: object = {}) =>
  relay.call('relay_post_message', { thread_name, content, surface: 'code', ...more })

test('text and structured content say the same, in every tool', async () => {
  await using relay = await createTestRelay()
  for (let n = 1; n <= 3; n++) await post(relay, 'a', `message ${n}`)
  const calls: [string, object, string?][] = [
    ['relay_list_threads', { limit: 1, reader_tag: 'r' }, 'threads'],
    ['relay_create_thread', { name: 'b', description: 'second' }],
    ['relay_post_message', { thread_name: 'c', content: 'x', surface: 'chat' }],
    ['relay_list_threads', { limit: 1 }, 'threads'],
    ['relay_read_thread', { thread_name: 'a', limit: 1 }, 'messages'],
    ['relay_read_thread', { query: 'message' }, 'messages'],
    ['relay_check_new', { thread_name: 'a', reader_tag: 'r', limit: 1 }],
    ['relay_check_new', { reader_tag: 'r', peek: true }],
    ['relay_archive_thread', { thread_name: 'b' }],
  ]
  for (const [tool, args, part] of calls) {
    for (const call of [relay.call, relay.callFaithfully]) {
      const { content, structuredContent } = await call(tool, args as Record<string, unknown>)
      if (structuredContent === undefined) continue
      const { note, ...rest } = structuredContent
      expect(JSON.parse(content[0].text)).toEqual(part ? rest[part] : rest)
      expect(content[1]?.text).toBe(note)
      expect(Object.values(rest)).not.toContain(null)
    }
  }
})

test('every tool call is one request to the database, and discovery makes no request', async () => {
  await using relay = await createTestRelay()
  await relay.rpc({ jsonrpc: '2.0', id: 1, method: 'tools/list' })
  expect(relay.gateway.requests.size).toBe(0)
  await relay.call('relay_create_thread', { name: 'a' })
  await post(relay, 'a', 'x', { reader_tag: 'r', idempotency_key: 'k' })
  await relay.call('relay_list_threads', { reader_tag: 'r', query: 'a' })
  await relay.call('relay_read_thread', { thread_name: 'a', reader_tag: 'r', query: 'x' })
  await relay.call('relay_check_new', { reader_tag: 'new' })
  await relay.call('relay_archive_thread', { thread_name: 'a' })
  expect(Object.fromEntries(relay.gateway.requests)).toEqual({
    relay_create_thread: 1,
    relay_post_message: 1,
    relay_list_threads: 1,
    relay_read_thread: 1,
    relay_check_new: 1,
    relay_archive_thread: 1,
  })
})

test.each([
  ['relay_list_threads', { limit: -1 }],
  ['relay_create_thread', { name: '' }],
  ['relay_post_message', { thread_name: 'a', content: 'x', surface: 'code', session: 'chat' }],
  ['relay_post_message', { thread_name: 'a\u200bb', content: 'x', surface: 'code' }],
  ['relay_read_thread', { thread_name: 'a', seq: 1, query: 'x' }],
  ['relay_read_thread', { thread_name: 'a', seq: 1, before_seq: 5 }],
  ['relay_read_thread', { seq: 1 }],
  ['relay_post_message', { thread_name: 'a', content: 'a\0b', surface: 'code' }],
  ['relay_post_message', { thread_name: 'a', content: '\ud800', surface: 'code' }],
  ['relay_post_message', { thread_name: 'a', content: 'x', surface: 'code', metadata: [] }],
  [
    'relay_post_message',
    { thread_name: 'a', content: 'x', surface: 'code', metadata: { a: '\0' } },
  ],
  [
    'relay_post_message',
    { thread_name: 'a', content: 'x', surface: 'code', metadata: { '\ud800': 1 } },
  ],
  [
    'relay_post_message',
    { thread_name: 'a', content: 'x', surface: 'code', metadata: { a: 'x'.repeat(16_384) } },
  ],
  ['relay_read_thread', {}],
  ['relay_read_thread', { query: 'x', before_seq: 5 }],
  ['relay_read_thread', { thread_name: 'a', before_seq: -1 }],
  ['relay_read_thread', { thread_name: 'a', since: 'yesterday' }],
  ['relay_check_new', { thread_name: 'a' }],
  ['relay_check_new', { reader_tag: '' }],
  ['relay_check_new', { reader_tag: 'r', ack_seq: 1 }],
  ['relay_check_new', { reader_tag: 'r', wait_seconds: 46 }],
  ['relay_archive_thread', { thread_name: 'a', archived: 'no' }],
])('%s %j is refused before the database is asked', async (tool, args) => {
  await using relay = await createTestRelay()
  const result = await relay.call(tool, args)
  expect(result).toMatchObject({ isError: true, content: [{ type: 'text' }] })
  expect(result).not.toHaveProperty('structuredContent')
  expect(relay.gateway.requests.size).toBe(0)
  expect(await relay.log()).toMatchObject({ outcome: 'refused', error_code: 'invalid_arguments' })
})

test.each(['1e400', '9007199254740993'])(
  '%s in metadata is refused, not altered',
  async (number) => {
    await using relay = await createTestRelay()
    const call = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"relay_post_message","arguments":{"thread_name":"a","content":"x","surface":"code","metadata":{"n":${number}}}}}`
    expect((await relay.rpc(call)).body.result).toMatchObject({ isError: true })
  },
)

test('a thread that is not there is refused with the names that are near', async () => {
  await using relay = await createTestRelay()
  for (const name of ['migration-debug', 'release', 'weekly-report', 'lunch']) {
    await relay.call('relay_create_thread', { name })
  }
  for (const [tool, args] of [
    ['relay_read_thread', {}],
    ['relay_check_new', { reader_tag: 'r' }],
    ['relay_archive_thread', {}],
  ] as const) {
    const result = await relay.call(tool, { thread_name: 'migration-debgu', ...args })
    expect(result.isError).toBe(true)
    expect(result.content[0].text).toMatch(
      /^thread "migration-debgu" not found\. Closest names: "migration-debug"\.$/,
    )
  }
})

test('a thread that is there cannot be created, and the refusal says which kind it is', async () => {
  await using relay = await createTestRelay()
  await relay.call('relay_create_thread', { name: 'done' })
  const active = await relay.call('relay_create_thread', { name: ' done ' })
  expect(active).toMatchObject({ isError: true })
  expect(active.content[0].text).toContain('already exists. Post to it')
  await relay.call('relay_archive_thread', { thread_name: 'done' })
  const archived = await relay.call('relay_create_thread', { name: 'done' })
  expect(archived.content[0].text).toContain('already exists and is archived')
})

test('a post to an archived thread reopens it and says so', async () => {
  await using relay = await createTestRelay()
  const first = await post(relay, 'done', 'Shipped.')
  expect(first.structuredContent).toMatchObject({ seq: 1, thread_created: true })
  await relay.call('relay_archive_thread', { thread_name: 'done' })
  const late = await post(relay, 'done', 'And now?')
  expect(late.structuredContent).toMatchObject({ seq: 2, thread_reopened: true })
  expect(late.structuredContent).not.toHaveProperty('thread_created')
})

test('one idempotency key posts one message, and another content is refused', async () => {
  await using relay = await createTestRelay()
  await post(relay, 'a', 'x', { idempotency_key: 'k' })
  const again = await post(relay, 'a', 'x', { idempotency_key: 'k' })
  expect(again.structuredContent).toMatchObject({ seq: 1, duplicate: true })
  const other = await post(relay, 'a', 'y', { idempotency_key: 'k' })
  expect(other).toMatchObject({ isError: true })
  const { structuredContent } = await relay.call('relay_read_thread', { thread_name: 'a' })
  expect(structuredContent.messages).toHaveLength(1)
})

test('a message is stored as it was sent, to the character', async () => {
  await using relay = await createTestRelay()
  const content = '  leading\r\n\ttabs "quotes" \\ back 🚀 é e\u0301 \u2028 \u202e rtl \u007f end  '
  const metadata = { __proto__x: 1, 'a"b': [null, true, { deep: ['ü'] }], n: 1.5e-7 }
  await post(relay, 'x"y, ..', content, { metadata, session_tag: 'emoji 🚀' })
  const { structuredContent } = await relay.call('relay_read_thread', { thread_name: 'x"y, ..' })
  expect(structuredContent.messages).toMatchObject([
    { content, metadata, session_tag: 'emoji 🚀', surface: 'code', seq: 1 },
  ])
})

test('metadata may have any key', async () => {
  await using relay = await createTestRelay()
  const metadata = '{"__proto__":{"polluted":1},"constructor":{"prototype":{}},"toString":"x"}'
  const call = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"relay_post_message","arguments":{"thread_name":"a","content":"x","surface":"code","metadata":${metadata}}}}`
  expect((await relay.rpc(call)).body.result).not.toHaveProperty('isError')
  const { content } = await relay.call('relay_read_thread', { thread_name: 'a' })
  const [message] = JSON.parse(content[0].text)
  expect(Object.keys(message.metadata).sort()).toEqual(['__proto__', 'constructor', 'toString'])
})

test('100,000 characters of four bytes are a message', async () => {
  await using relay = await createTestRelay()
  const content = '🚀'.repeat(100_000)
  await post(relay, 'long', content)
  const { structuredContent } = await relay.call('relay_read_thread', { thread_name: 'long' })
  expect(structuredContent.messages[0].content).toBe(content)
  expect(await post(relay, 'long', `${content}x`)).toMatchObject({ isError: true })
})

test('an empty tag counts as absent, as in 0.1.0', async () => {
  await using relay = await createTestRelay()
  expect(await post(relay, 'a', 'x', { session_tag: '', reader_tag: '' })).not.toHaveProperty(
    'isError',
  )
  const args = { thread_name: 'a', reader_tag: '', session_tag: '' }
  const { structuredContent } = await relay.call('relay_read_thread', args)
  expect(structuredContent.messages[0]).not.toHaveProperty('session_tag')
  expect(structuredContent).not.toHaveProperty('new_reader')
})

test('older messages are led to, page by page', async () => {
  await using relay = await createTestRelay()
  for (let n = 1; n <= 7; n++) await post(relay, 'a', `message ${n}`)
  const seqs: number[] = []
  let before_seq: number | undefined
  do {
    const args = { thread_name: 'a', limit: 3, before_seq: before_seq ?? null }
    const { structuredContent } = await relay.call('relay_read_thread', args)
    seqs.push(...structuredContent.messages.map((message: { seq: number }) => message.seq))
    before_seq = structuredContent.next_before_seq
    if (before_seq !== undefined) {
      expect(structuredContent.note).toBe(
        `${before_seq - 1} older message${before_seq > 2 ? 's' : ''}: pass before_seq=${before_seq}.`,
      )
    }
  } while (before_seq !== undefined)
  expect(seqs).toEqual([7, 6, 5, 4, 3, 2, 1])
})

test('a query that only excludes is refused', async () => {
  await using relay = await createTestRelay()
  for (const query of ['-secret', '-a -b', '( )']) {
    expect(await relay.call('relay_read_thread', { query })).toMatchObject({ isError: true })
  }
})

test('a new reader of all threads learns that it is new and starts with the newest', async () => {
  await using relay = await createTestRelay()
  for (let n = 1; n <= 25; n++) await post(relay, n % 2 ? 'odd' : 'even', `message ${n}`)
  const first = await relay.call('relay_check_new', { reader_tag: 'me' })
  expect(first.structuredContent).toMatchObject({
    new_message_count: 4,
    remaining_count: 0,
    new_reader: true,
    skipped_thread_count: 2,
    skipped: [
      { thread_name: 'odd', message_count: 11 },
      { thread_name: 'even', message_count: 10 },
    ],
    note: 'relay_read_thread shows skipped messages.',
  })
  await post(relay, 'odd', 'later')
  const second = await relay.call('relay_check_new', { reader_tag: 'me' })
  expect(second.structuredContent).toMatchObject({
    new_message_count: 1,
    messages: [{ content: 'later', thread_name: 'odd' }],
  })
})

test('peek and ack_seq deliver again until they are acknowledged', async () => {
  await using relay = await createTestRelay()
  for (let n = 1; n <= 3; n++) await post(relay, 'a', `message ${n}`)
  const peek = { thread_name: 'a', reader_tag: 'r', peek: true, limit: 2 }
  await relay.call('relay_list_threads', { reader_tag: 'r' })
  const first = await relay.call('relay_check_new', peek)
  const again = await relay.call('relay_check_new', peek)
  expect(again.structuredContent).toEqual(first.structuredContent)
  // Who has never acknowledged anything is not told how.
  expect(first.structuredContent).not.toHaveProperty('note')
  const next = await relay.call('relay_check_new', { ...peek, ack_seq: 2 })
  expect(next.structuredContent).toMatchObject({
    messages: [{ seq: 3 }],
    note: expect.stringContaining('ack_seq=3'),
  })
  const beyond = await relay.call('relay_check_new', { ...peek, ack_seq: 4 })
  expect(beyond).toMatchObject({ isError: true })
})

test('a wait ends with the first message that comes', async () => {
  await using relay = await createTestRelay()
  await relay.call('relay_create_thread', { name: 'a' })
  const args = { thread_name: 'a', reader_tag: 'r', wait_seconds: 30 }
  const waiting = relay.call('relay_check_new', args)
  await expect.poll(() => relay.gateway.requests.get('relay_check_new') ?? 0).toBeGreaterThan(0)
  await post(relay, 'a', 'here')
  expect((await waiting).structuredContent).toMatchObject({ messages: [{ content: 'here' }] })
})

test('a peek that waits marks nothing as read', async () => {
  await using relay = await createTestRelay()
  await relay.call('relay_create_thread', { name: 'a' })
  const args = { thread_name: 'a', reader_tag: 'r' }
  const waiting = relay.call('relay_check_new', { ...args, peek: true, wait_seconds: 30 })
  await expect.poll(() => relay.gateway.requests.get('relay_check_new') ?? 0).toBeGreaterThan(0)
  await post(relay, 'a', 'here')
  expect((await waiting).structuredContent).toMatchObject({ new_message_count: 1 })
  const { structuredContent } = await relay.call('relay_check_new', args)
  expect(structuredContent).toMatchObject({ messages: [{ content: 'here' }] })
})

test('waiting does not lose the first look’s facts about its reader', async () => {
  await using relay = await createTestRelay()
  await relay.call('relay_create_thread', { name: 'a' })
  const args = { reader_tag: 'r', wait_seconds: 1 }
  const { structuredContent } = await relay.call('relay_check_new', args)
  expect(structuredContent).toMatchObject({ new_reader: true, new_message_count: 0 })
})

test('a wait without news ends in time and wrote nothing', async () => {
  await using relay = await createTestRelay()
  await relay.call('relay_create_thread', { name: 'a' })
  const args = { thread_name: 'a', reader_tag: 'r', wait_seconds: 1 }
  const { structuredContent } = await relay.call('relay_check_new', args)
  expect(structuredContent).toMatchObject({ new_message_count: 0, remaining_count: 0 })
  expect(structuredContent.note).toContain('To wait longer, call again')
  expect(relay.gateway.requests.get('relay_check_new')).toBe(2)
})

test('a client that leaves while waiting loses nothing', async () => {
  await using relay = await createTestRelay()
  await relay.call('relay_create_thread', { name: 'a' })
  const leaving = new AbortController()
  const params = {
    name: 'relay_check_new',
    arguments: { thread_name: 'a', reader_tag: 'r', wait_seconds: 45 },
  }
  const waiting = relay.fetch('/mcp', {
    method: 'POST',
    headers: { authorization: `Bearer ${relay.key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }),
    signal: leaving.signal,
  })
  await expect.poll(() => relay.gateway.requests.get('relay_check_new') ?? 0).toBeGreaterThan(0)
  leaving.abort()
  await expect(waiting).rejects.toThrow()
  await relay.log((line) => line.tool === 'relay_check_new')
  await post(relay, 'a', 'for whoever comes back')
  const back = await relay.call('relay_check_new', { thread_name: 'a', reader_tag: 'r' })
  expect(back.structuredContent).toMatchObject({ new_message_count: 1 })
})

test('a search that finds nothing says where it looked', async () => {
  await using relay = await createTestRelay()
  for (const thread_name of ['here', 'elsewhere']) {
    const message = { thread_name, surface: 'code', content: `Only ${thread_name}.` }
    await relay.call('relay_post_message', message)
  }
  const search = async (args: object) => {
    const { structuredContent } = await relay.call('relay_read_thread', { ...args })
    return structuredContent.note
  }
  expect(await search({ thread_name: 'here', query: 'elsewhere' })).toBe(
    'Nothing matches in this thread. Leave out thread_name to search all.',
  )
  expect(await search({ query: 'nowhere' })).toBe('Nothing matches, archived threads included.')
  expect(await search({ query: '"only nowhere"' })).toBe(
    'Nothing matches, archived threads included. Try it without quotation marks.',
  )
})
