/** events/list and events/poll over the real Worker, in both eras. */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { encodeCursor, LAST_ID } from '../../../src/events/cursor.ts'
import type { EventArguments } from '../../../src/events/event-type.ts'
import { createTestRelay, type TestRelay } from '../../support/relay.ts'
import { clientOf, post } from './receiver.ts'

// biome-ignore lint/suspicious/noExplicitAny: tests state what they expect by asserting it.
type Json = any

const MODERN = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
}

async function modern(relay: TestRelay, method: string, params: object = {}): Promise<Json> {
  const headers = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': method }
  const request = { jsonrpc: '2.0', id: 1, method, params: { ...params, _meta: MODERN } }
  return (await relay.rpc(request, headers)).body
}

test('both eras advertise events under both keys, and list the one type', async () => {
  await using relay = await createTestRelay()
  const { rpc } = clientOf(relay)
  const initialized = await rpc('initialize', {
    protocolVersion: '2025-03-26',
    capabilities: {},
    clientInfo: { name: 'test', version: '1' },
  })
  const discovered = (await modern(relay, 'server/discover')).result
  for (const { capabilities } of [initialized, discovered]) {
    expect(capabilities).toMatchObject({
      events: {},
      extensions: { 'io.modelcontextprotocol/events': {} },
    })
  }
  const listed = (await rpc('events/list')).events
  expect((await modern(relay, 'events/list')).result).toMatchObject({
    resultType: 'complete',
    events: listed,
  })
  expect(listed).toMatchObject([
    {
      name: 'message.posted',
      delivery: ['poll', 'webhook'],
      inputSchema: { type: 'object', additionalProperties: false },
      payloadSchema: { type: 'object', required: ['thread_name', 'seq', 'posted_at'] },
    },
  ])
  expect(listed[0].inputSchema).not.toHaveProperty('required')
})

test('a poll without a cursor begins now, and tells nothing that is older', async () => {
  await using relay = await createTestRelay()
  const { poll } = clientOf(relay)
  await post(relay)
  const first = await poll(null, { maxAgeMs: 60_000 })
  expect(first).toEqual({
    events: [],
    cursor: expect.any(String),
    truncated: false,
    hasMore: false,
    nextPollMs: 2000,
  })
  // A cursor that is not older than what may still be committing: so that nothing can come before it.
  const [at = ''] = atob(first.cursor).split(' ')
  expect(Date.now() - Date.parse(at)).toBeGreaterThan(9_000)
  expect(await poll(first.cursor)).toMatchObject({ events: [], truncated: false })
})

test('events come in order and in parts, without the text, and move no bookmark', async () => {
  await using relay = await createTestRelay()
  const { poll } = clientOf(relay)
  await relay.call('relay_check_new', { reader_tag: 'planner' })
  for (const thread_name of ['plan', 'release', 'plan']) {
    await post(relay, { thread_name, reader_tag: 'ci' })
  }
  await age(relay)
  const args = { reader_tag: 'planner', addressed_only: false }
  const one = await poll(await cursorBefore(args), { arguments: args, maxEvents: 2 })
  expect(one).toMatchObject({ hasMore: true, truncated: false })
  expect(one.events).toMatchObject([
    { name: 'message.posted', data: { thread_name: 'plan', seq: 1, from: 'ci', to: null } },
    { data: { thread_name: 'release', seq: 1 } },
  ])
  expect(JSON.stringify(one)).not.toContain('what only')
  const two = await poll(one.cursor, { arguments: args, maxEvents: 2 })
  expect(two).toMatchObject({ hasMore: false, events: [{ data: { thread_name: 'plan', seq: 2 } }] })
  expect((await poll(two.cursor, { arguments: args })).events).toEqual([])
  const checked = await relay.call('relay_check_new', { reader_tag: 'planner' })
  expect(checked.structuredContent.new_message_count).toBe(3)
})

test('a reader gets what is addressed to it, or with addressed_only=false all but its own', async () => {
  await using relay = await createTestRelay()
  const { poll } = clientOf(relay)
  await post(relay, { reader_tag: 'ci' })
  await post(relay, { reader_tag: 'ci', to: 'planner' })
  await post(relay, { reader_tag: 'planner', to: 'ci' })
  await post(relay, { reader_tag: 'ci', to: 'Planner', thread_name: 'other' })
  await age(relay)
  const seqs = async (args: object) =>
    (await poll(await cursorBefore(args), { arguments: args })).events.map(
      ({ data }: Json) => `${data.thread_name} ${data.seq}`,
    )
  expect(await seqs({})).toEqual(['release 1', 'release 2', 'release 3', 'other 1'])
  expect(await seqs({ reader_tag: 'planner' })).toEqual(['release 2', 'other 1'])
  expect(await seqs({ reader_tag: 'planner', addressed_only: false })).toEqual([
    'release 1',
    'release 2',
    'other 1',
  ])
  expect(await seqs({ thread_name: 'Other' })).toEqual(['other 1'])
  expect(await seqs({ thread_name: 'nowhere' })).toEqual([])
})

test('a cursor that means nothing here, is ahead, or is older than a week is a gap and no error', async () => {
  await using relay = await createTestRelay()
  const { poll } = clientOf(relay)
  await post(relay)
  await age(relay, 8 * 86_400)
  await post(relay)
  await age(relay)
  const other = await cursorBefore({ thread_name: 'release' })
  const ahead = await cursorBefore({}, -3600)
  for (const cursor of ['', 'nonsense', btoa('2026 x y'), 'A'.repeat(1_000_000), other, ahead]) {
    expect(await poll(cursor)).toMatchObject({ events: [], truncated: true })
  }
  // Anyone can write the third part, so only what PostgreSQL cannot read is wrong with these.
  const [at = '', id = '', digest] = atob(await cursorBefore({})).split(' ')
  for (const forged of [
    [at, '-'.repeat(36)],
    [at, 'f'.repeat(36)],
    [at.replace(/^.{10}/, '2026-02-31'), id],
    [at.replace(/^.{10}/, '0000-01-01'), id],
    [at.replace(/T../, 'T25'), id],
  ]) {
    const cursor = btoa([...forged, digest].join(' '))
    expect(await poll(cursor)).toMatchObject({ events: [], truncated: true })
  }
  const old = await poll(await cursorBefore({}, 30 * 86_400))
  expect(old).toMatchObject({ truncated: true, events: [{ data: { seq: 2 } }] })
  // A cursor as old as that misses nothing if nothing was posted since.
  const recent = await poll(await cursorBefore({}, 86_400), { maxAgeMs: 120_000 })
  expect(recent).toMatchObject({ truncated: false, events: [{ data: { seq: 2 } }] })
  const cut = await poll(await cursorBefore({}, 86_400), { maxAgeMs: 1 })
  expect(cut).toMatchObject({ truncated: true, events: [] })
})

test('after a thousand messages that are not for it, a poll continues with the next', async () => {
  await using relay = await createTestRelay()
  const { poll } = clientOf(relay)
  await post(relay)
  const owner = await relay.database.connect('postgres')
  await owner.query(
    `insert into relay_messages (thread_id, user_id, surface, content)
    select id, user_id, 'code', 'x' from relay_threads, generate_series(1, 1200)`,
  )
  await post(relay, { reader_tag: 'ci', to: 'planner' })
  await age(relay)
  const args = { reader_tag: 'planner' }
  const one = await poll(await cursorBefore(args), { arguments: args })
  expect(one).toMatchObject({ events: [], hasMore: true })
  expect(await poll(one.cursor, { arguments: args })).toMatchObject({
    events: [{ data: { seq: 1202 } }],
    hasMore: false,
  })
})

test.each([
  ['no name', { name: undefined }, -32602],
  ['an unknown name', { name: 'thread.created' }, -32011],
  ['a cursor that is a number', { cursor: 7 }, -32602],
  ['a negative number of events', { maxEvents: -1 }, -32602],
  ['part of a millisecond', { maxAgeMs: 0.5 }, -32602],
  ['an unknown argument', { arguments: { reader: 'x' } }, -32602],
  ['the text null for a thread', { arguments: { thread_name: 'null' } }, -32602],
])('a poll with %s is refused', async (_, params, code) => {
  await using relay = await createTestRelay()
  expect(await clientOf(relay).poll(null, params)).toMatchObject({ code })
})

test('there is no stream', async () => {
  await using relay = await createTestRelay()
  const { rpc } = clientOf(relay)
  expect(await rpc('events/stream', { name: 'message.posted' })).toMatchObject({ code: -32601 })
})

test('nothing is lost while thirty sessions post, whatever cursor a poll returned', async () => {
  await using relay = await createTestRelay()
  const { poll } = clientOf(relay)
  const args = {}
  let cursor = await cursorBefore(args, 5)
  const seen = new Map<string, number>()
  const posting = Promise.all(
    Array.from({ length: 30 }, async (_, session) => {
      for (let count = 0; count < 10; count += 1) {
        await post(relay, { thread_name: `thread-${(session + count) % 7}` })
      }
    }),
  )
  let isDone = false
  posting.finally(() => {
    isDone = true
  })
  const deadline = Date.now() + 60_000
  while (seen.size < 300 && Date.now() < deadline) {
    const polled = await poll(cursor, { maxEvents: 20 })
    for (const { eventId } of polled.events) seen.set(eventId, (seen.get(eventId) ?? 0) + 1)
    cursor = polled.cursor
    if (isDone && !polled.hasMore) await sleep(200)
  }
  await posting
  expect(seen.size).toBe(300)
  expect([...seen.values()].every((times) => times === 1)).toBe(true)
})

/** Makes all messages older by a minute. */
async function age(relay: TestRelay, seconds = 60): Promise<void> {
  const owner = await relay.database.connect('postgres')
  await owner.query(
    `update relay_messages set created_at = created_at - $1 * interval '1 second'`,
    [seconds],
  )
}

/** A cursor for these arguments, so many seconds ago. */
function cursorBefore(args: Partial<EventArguments>, seconds = 120): Promise<string> {
  const at = new Date(Date.now() - seconds * 1000).toISOString().replace('Z', '000Z')
  const { reader_tag, thread_name, addressed_only = reader_tag !== undefined } = args
  return encodeCursor({ at, id: LAST_ID }, { reader_tag, thread_name, addressed_only })
}
