/**
 * The checks of the official scenarios events-discovery and events-poll. Not here, since nothing in the relay
 * can be asked for them: `list-pagination` (there is one type), `capability-list-changed-flag` (the types never
 * change), `poll-mode-unsupported` (the type can be polled), `truncated-false-when-no-replay` (it can be
 * replayed).
 */
import { expect, test } from 'vitest'
import { createTestRelay, type TestRelay } from '../../support/relay.ts'
import { INVALID_PARAMS, type Json, NAME, NOT_FOUND, suiteOf, TIME } from './suite.ts'

const LIST: [string, (listed: Json) => void][] = [
  ['list-implemented', ({ events }) => expect(events).toHaveLength(1)],
  ['descriptor-name', ({ events: [{ name }] }) => expect(name).toBe(NAME)],
  [
    'descriptor-description',
    ({ events: [type] }) => expect(type.description).toMatch(/^A message/),
  ],
  [
    'descriptor-delivery-subset',
    ({ events: [{ delivery }] }) => expect(delivery).toEqual(['poll', 'webhook']),
  ],
  [
    'descriptor-input-schema',
    ({ events: [type] }) => expect(type.inputSchema).toMatchObject({ type: 'object' }),
  ],
  [
    'descriptor-payload-schema',
    ({ events: [type] }) => expect(type.payloadSchema).toMatchObject({ type: 'object' }),
  ],
  ['descriptor-meta', ({ events: [type] }) => expect(type).not.toHaveProperty('_meta')],
]

test.each(LIST)('events-discovery: %s', async (_, check) => {
  await using relay = await createTestRelay()
  check(await suiteOf(relay).ask('events/list'))
})

test.each([['capability-events-object'], ['capability-empty-settings']])(
  'events-discovery: %s',
  async () => {
    await using relay = await createTestRelay()
    const { capabilities } = await suiteOf(relay).ask('server/discover')
    expect(capabilities.extensions['io.modelcontextprotocol/events']).toEqual({})
  },
)

test('events-discovery: fallback-method-not-found', async () => {
  await using relay = await createTestRelay({ bindings: { RELAY_EVENTS: '0' } })
  const { ask } = suiteOf(relay)
  const { capabilities } = await ask('server/discover')
  expect(capabilities.extensions).not.toHaveProperty('io.modelcontextprotocol/events')
  for (const method of ['list', 'poll', 'subscribe', 'unsubscribe', 'stream']) {
    expect(await ask(`events/${method}`)).toMatchObject({ code: -32601 })
  }
})

/** Errors of a poll: the suite's code for each. */
test.each<[string, object, number]>([
  ['events-discovery: error-not-found', { name: 'conformance.nonexistent' }, NOT_FOUND],
  ['events-discovery: error-server-range', { name: 'conformance.nonexistent' }, NOT_FOUND],
  ['events-poll: poll-errors-are-jsonrpc', { name: 'conformance.nonexistent' }, NOT_FOUND],
  ['events-poll: removal-poll-not-found', { name: 'conformance.nonexistent' }, NOT_FOUND],
  ['events-poll: poll-one-subscription-per-request', { name: undefined }, INVALID_PARAMS],
  ['events-poll: poll-invalid-arguments', { arguments: { reader_tag: 12345 } }, INVALID_PARAMS],
])('%s', async (_, params, code) => {
  await using relay = await createTestRelay()
  expect(await suiteOf(relay).poll({ cursor: null, ...params })).toEqual({
    code,
    message: expect.stringMatching(/./),
    ...(code === NOT_FOUND && { data: { kind: 'event' } }),
  })
})

/** The first poll of a client, while there are messages that are older. */
const FIRST: [string, (polled: Json) => void][] = [
  ['poll-implemented', (polled) => expect(polled.resultType).toBe('complete')],
  ['poll-bootstraps-subscription', (polled) => expect(polled).not.toHaveProperty('code')],
  ['poll-events-array', ({ events }) => expect(events).toEqual([])],
  ['poll-response-cursor', ({ cursor }) => expect(cursor).toMatch(/./)],
  ['poll-next-poll-ms', ({ nextPollMs }) => expect(nextPollMs).toBeGreaterThanOrEqual(1000)],
  ['poll-has-more', ({ hasMore }) => expect(hasMore).toBe(false)],
  ['cursor-null-starts-from-now', ({ events }) => expect(events).toEqual([])],
  ['cursor-opaque', ({ cursor }) => expect(typeof cursor).toBe('string')],
  ['truncated-poll-never-an-error', ({ truncated }) => expect(truncated).toBe(false)],
]

test.each([
  ...FIRST.map(([id, check]) => [id, { cursor: null }, check] as const),
  ['cursor-absent-equals-null', {}, FIRST[2]?.[1]] as const,
  [
    'max-age-ms-ignored-when-cursor-null',
    { cursor: null, maxAgeMs: 300_000 },
    FIRST[2]?.[1],
  ] as const,
])('events-poll: %s', async (_, params, check) => {
  await using relay = await createTestRelay()
  await post(relay, 1)
  await age(relay, 60)
  check?.(await suiteOf(relay).poll(params))
})

test.each([
  ['poll-stateless-request'],
  ['cursor-advances-when-quiet'],
  ['cursor-consistency'],
  ['max-age-ms-floor'],
])('events-poll: %s', async () => {
  await using relay = await createTestRelay()
  const { poll } = suiteOf(relay)
  const { cursor } = await poll({ cursor: null })
  // The same request twice, in any order with others.
  const second = await poll({ cursor })
  const third = await poll({ cursor, maxAgeMs: 300_000 })
  for (const { cursor: next, ...rest } of [second, third]) {
    expect(rest).toMatchObject({ events: [], truncated: false })
    expect(Date.parse(atob(next).slice(0, 24))).toBeGreaterThan(
      Date.parse(atob(cursor).slice(0, 24)),
    )
  }
})

/** Two polls for one event each, where there are three. */
const PARTS: [string, (parts: Json[]) => void][] = [
  [
    'poll-max-events-cap',
    (parts) => expect(parts.map(({ events }) => events.length)).toEqual([1, 1, 1, 0]),
  ],
  [
    'poll-next-poll-ms-ignored-when-has-more',
    (parts) => {
      // A client polls at once, whatever the number says.
      expect(parts.map(({ hasMore }) => hasMore)).toEqual([true, true, true, false])
      expect(parts.every(({ nextPollMs }) => Number.isInteger(nextPollMs))).toBe(true)
    },
  ],
  [
    'occurrence-event-id-from-upstream',
    (parts) => {
      const ids = parts.flatMap(({ events }) => events.map(({ eventId }: Json) => eventId))
      expect(new Set(ids).size).toBe(3)
    },
  ],
  [
    'occurrence-event-id',
    // In a header and in the signed text it must have no dot.
    ([{ events }]) => expect(events[0].eventId).toMatch(/^[\da-f-]{36}$/),
  ],
  ['occurrence-name', ([{ events }]) => expect(events[0].name).toBe(NAME)],
  ['occurrence-timestamp', ([{ events }]) => expect(events[0].timestamp).toMatch(TIME)],
  [
    'occurrence-data',
    ([{ events }]) =>
      expect(events[0].data).toEqual({
        thread_name: 'thread-1',
        seq: 1,
        from: 'ci',
        to: null,
        surface: 'code',
        posted_at: events[0].timestamp,
        link: expect.stringMatching(/^http.*\/board\/#\/t\/thread-1\/1$/),
      }),
  ],
  ['occurrence-cursor-optional', ([{ events }]) => expect(events[0]).not.toHaveProperty('cursor')],
  ['occurrence-meta-ungoverned', ([{ events }]) => expect(events[0]).not.toHaveProperty('_meta')],
]

test.each(PARTS)('events-poll: %s', async (_, check) => {
  await using relay = await createTestRelay()
  const { poll } = suiteOf(relay)
  let { cursor } = await poll({ cursor: null })
  await post(relay, 3)
  await age(relay, 9.8)
  const parts: Json[] = []
  await expect.poll(async () => (await poll({ cursor })).events).toHaveLength(3)
  do {
    parts.push(await poll({ cursor, maxEvents: 1 }))
    cursor = parts.at(-1)?.cursor
  } while (parts.at(-1)?.hasMore)
  check(parts)
})

test.each([['max-age-ms-sets-truncated'], ['truncated-returns-fresh-cursor']])(
  'events-poll: %s',
  async () => {
    await using relay = await createTestRelay()
    const { poll } = suiteOf(relay)
    const { cursor } = await poll({ cursor: null })
    await post(relay, 1)
    const cut = await poll({ cursor, maxAgeMs: 1 })
    expect(cut).toMatchObject({ events: [], truncated: true })
    expect(await poll({ cursor: cut.cursor })).toMatchObject({ events: [], truncated: false })
  },
)

test('events-poll: replay-ceiling-sets-truncated', async () => {
  await using relay = await createTestRelay()
  const { poll } = suiteOf(relay)
  const { cursor } = await poll({ cursor: null })
  const old = cursorAt(cursor, Date.now() - 30 * 86_400_000)
  await post(relay, 1)
  await age(relay, 8 * 86_400)
  const cut = await poll({ cursor: old })
  expect(cut).toMatchObject({ events: [], truncated: true })
  expect(await poll({ cursor: cut.cursor })).toMatchObject({ events: [], truncated: false })
})

async function post(relay: TestRelay, count: number): Promise<void> {
  for (let number = 1; number <= count; number += 1) {
    const fields = { thread_name: `thread-${number}`, reader_tag: 'ci', surface: 'code' }
    await relay.call('relay_post_message', { ...fields, content: 'x' })
  }
}

/** Makes all messages older, as if so many seconds had passed. */
async function age(relay: TestRelay, seconds: number): Promise<void> {
  const owner = await relay.database.connect('postgres')
  await owner.query(
    `update relay_messages set created_at = created_at - $1 * interval '1 second'`,
    [seconds],
  )
}

/** The cursor of another time. */
function cursorAt(cursor: string, time: number): string {
  const [, ...rest] = atob(cursor).split(' ')
  return btoa([new Date(time).toISOString().replace('Z', '000Z'), ...rest].join(' '))
}
