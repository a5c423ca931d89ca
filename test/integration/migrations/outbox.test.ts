/** The outbox: which messages a target gets, their order, leases, failures, and what a subscription keeps. */
import { expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { over, tools, USER, waitingForLocks } from './calls.ts'

const CALLER = { gid: 'one', kind: 'oauth', client: 'ChatGPT', scope: 'mcp' }
const DAY_MS = 86_400_000

type Json = Record<string, unknown>
interface Leased {
  target_id: string
  cursor_at: string
  event: { id: string; seq: number; thread_name: string }
}

/** A relay in SQL with the calls that a sender and a subscriber make. */
async function outboxOf(database: TestDatabase) {
  const owner = await database.connect('postgres')
  const call = (fn: string, args: Json) => database.call(fn, { p_user_id: USER, ...args })
  return {
    ...tools(database),
    owner,
    call,
    subscribe: (target: Json = {}, { caller = CALLER, verified = true, ttl = DAY_MS } = {}) =>
      call('relay_subscribe', {
        p_target: {
          id: 'sub_1',
          url: 'https://receiver.test/a',
          secret: 's1',
          addressed_only: false,
          ...target,
        },
        p_ttl_ms: ttl,
        p_is_verified: verified,
        p_caller: caller,
      }),
    unsubscribe: (target: Json = {}, caller = CALLER) =>
      call('relay_unsubscribe', {
        p_target: { url: 'https://receiver.test/a', addressed_only: false, ...target },
        p_caller: caller,
      }),
    async deliver(owner = 'a', outcomes: Json[] = [], limit = 6): Promise<Leased[]> {
      const answer = await call('relay_deliver', {
        p_owner: owner,
        p_outcomes: JSON.stringify(outcomes),
        p_limit: limit,
      })
      return answer.deliveries
    },
  }
}

const delivered = ({ target_id, event }: Leased) => ({
  target_id,
  message_id: event.id,
  result: 'delivered',
})
const failed = (each: Leased) => ({ ...delivered(each), result: 'failed', error: 'http_5xx' })

type Outbox = Awaited<ReturnType<typeof outboxOf>>

async function queued({ owner }: Outbox): Promise<Json[]> {
  const { rows } = await owner.query(
    `select m.seq::int, attempts, due_at is not null as waits, is_dropped
    from public.relay_deliveries d join public.relay_messages m on m.id = d.message_id
    order by m.created_at`,
  )
  return rows
}

test('a message without targets leaves nothing in the outbox', async () => {
  await using database = await createTestDatabase()
  const relay = await outboxOf(database)
  expect(await relay.post('plan')).not.toHaveProperty('due')
  expect(await queued(relay)).toEqual([])
  expect(await relay.deliver()).toEqual([])
})

test('a target gets messages in their order, one at a time', async () => {
  await using database = await createTestDatabase()
  const relay = await outboxOf(database)
  expect(await relay.subscribe()).toMatchObject({ is_renewed: false, is_truncated: false })
  expect(await relay.post('plan')).toMatchObject({ due: true })
  await relay.post('other')
  await relay.post('plan')
  const seen: string[] = []
  let leased = await relay.deliver()
  while (leased[0]) {
    expect(leased).toHaveLength(1)
    seen.push(`${leased[0].event.thread_name} ${leased[0].event.seq}`)
    leased = await relay.deliver('a', leased.map(delivered))
  }
  expect(seen).toEqual(['plan 1', 'other 1', 'plan 2'])
  expect(await relay.list()).not.toHaveProperty('due')
})

test('another sender does not touch a leased target until the lease ends', async () => {
  await using database = await createTestDatabase()
  const relay = await outboxOf(database)
  await relay.subscribe()
  await relay.post('plan')
  const [first] = await relay.deliver('a')
  expect(await relay.deliver('b')).toEqual([])
  await relay.owner.query(
    `update public.relay_targets set lease_until = now() - interval '1 second'`,
  )
  const [again] = await relay.deliver('b')
  expect(again?.event.id).toBe(first?.event.id)
  // The first sender is now ignored: the lease is another's.
  await relay.deliver('a', [delivered(first as Leased)])
  expect(await queued(relay)).toMatchObject([{ waits: true }])
  await relay.deliver('b', [delivered(again as Leased)])
  expect(await queued(relay)).toMatchObject([{ waits: false }])
})

test('a message that commits while a sender lets go is not left behind', async () => {
  await using database = await createTestDatabase()
  const relay = await outboxOf(database)
  await relay.subscribe()
  await relay.post('plan')
  const [first] = await relay.deliver('a')
  // The sender settles and has not committed yet; a post commits, and its own sender looks.
  const settling = await database.connect()
  await settling.query('begin')
  await settling.query('select public.relay_deliver($1, $2, $3)', [
    USER,
    'a',
    JSON.stringify([delivered(first as Leased)]),
  ])
  await relay.post('plan')
  const second = relay.deliver('b')
  await waitingForLocks(relay.owner, 1)
  await settling.query('commit')
  expect(await second).toMatchObject([{ event: { seq: 2 } }])
})

test('posts do not wait for a sender', async () => {
  await using database = await createTestDatabase()
  const relay = await outboxOf(database)
  await relay.subscribe()
  await relay.post('plan')
  const sender = await database.connect()
  await sender.query('begin')
  await sender.query('select public.relay_deliver($1, $2)', [USER, 'a'])
  expect(await relay.post('plan')).toMatchObject({ seq: 2 })
  await sender.query('commit')
})

test.each([
  ['of another reader', {}, { reader_tag: 'ci' }, true],
  ['of its own reader', {}, { reader_tag: 'Planner' }, false],
  ['to everyone, with addressed_only', { addressed_only: true }, { reader_tag: 'ci' }, false],
  ['to it', { addressed_only: true }, { reader_tag: 'ci', to: 'planner' }, true],
  [
    'to it in another spelling',
    { addressed_only: true },
    { reader_tag: 'ci', to: 'Planner' },
    true,
  ],
  ['to another', { addressed_only: true }, { reader_tag: 'ci', to: 'nightly' }, false],
  ['in its thread', { thread_name: 'Plan' }, { reader_tag: 'ci' }, true],
  ['in another thread', { thread_name: 'release' }, { reader_tag: 'ci' }, false],
])('a message %s', async (_, target, message, isQueued) => {
  await using database = await createTestDatabase()
  const relay = await outboxOf(database)
  await relay.subscribe({ reader_tag: 'planner', ...target })
  await relay.post('plan', 'Hello.', message)
  expect(await queued(relay)).toHaveLength(isQueued ? 1 : 0)
})

test('a message to a known reader is for the subscription under that exact name only', async () => {
  await using database = await createTestDatabase()
  const relay = await outboxOf(database)
  await relay.check('Planner')
  await relay.subscribe({ reader_tag: 'planner', addressed_only: true })
  await relay.post('plan', 'Hello.', { reader_tag: 'ci', to: 'planner' })
  expect(await queued(relay)).toEqual([])
})

test('a renamed thread stays the one of its subscription', async () => {
  await using database = await createTestDatabase()
  const relay = await outboxOf(database)
  await relay.subscribe({ thread_name: 'plan' })
  await relay.create('plan')
  await relay.call('relay_manage', {
    p_action: 'rename_thread',
    p_args: { thread_name: 'plan', name: 'roadmap' },
    p_caller: { gid: 'key', kind: 'key', scope: 'mcp' },
  })
  await relay.post('roadmap')
  expect(await relay.deliver()).toMatchObject([{ event: { thread_name: 'roadmap' } }])
})

test('a failed message is sent again later, and the ones behind it wait', async () => {
  await using database = await createTestDatabase()
  const relay = await outboxOf(database)
  await relay.subscribe()
  await relay.post('plan')
  const [first] = await relay.deliver()
  const answer = await relay.call('relay_deliver', {
    p_owner: 'a',
    p_outcomes: JSON.stringify([failed(first as Leased)]),
  })
  expect(answer.deliveries).toEqual([])
  expect(answer.retry_ms).toBeGreaterThan(4000)
  expect(await relay.post('plan')).not.toHaveProperty('due')
  expect(await relay.deliver('b')).toEqual([])
  await pass(relay, 6)
  expect(await relay.deliver('b')).toMatchObject([{ event: { id: first?.event.id } }])
})

test('a message is given up after five attempts, after three if another waits', async () => {
  await using database = await createTestDatabase()
  const relay = await outboxOf(database)
  await relay.subscribe()
  await relay.post('plan')
  const attempts = async () => {
    let count = 0
    for (
      let [each] = await relay.deliver();
      each?.event.seq === 1;
      [each] = await relay.deliver()
    ) {
      await relay.deliver('a', [failed(each)], 0)
      await pass(relay, 600)
      count += 1
    }
    return count
  }
  expect(await attempts()).toBe(5)
  expect(await relay.subscribe()).toMatchObject({
    is_truncated: true,
    before: { last_error: 'http_5xx' },
  })

  await relay.post('other')
  await relay.post('other')
  expect(await attempts()).toBe(3)
})

test('after ten messages that were given up, nothing is sent until the subscription is renewed', async () => {
  await using database = await createTestDatabase()
  const relay = await outboxOf(database)
  await relay.subscribe()
  await relay.owner.query('update public.relay_targets set failures = 9')
  await relay.post('plan')
  await relay.owner.query('update public.relay_deliveries set attempts = 4')
  await relay.post('plan')
  const [each] = await relay.deliver()
  await relay.deliver('a', [failed(each as Leased)])
  await relay.post('plan')
  expect(await queued(relay)).toMatchObject([{ seq: 1, waits: false }])
  expect(await relay.subscribe()).toMatchObject({
    is_truncated: true,
    before: { is_active: false },
  })
  await relay.post('plan')
  expect(await relay.deliver()).toMatchObject([{ event: { seq: 4 } }])
})

test('a message that a receiver refuses for good is not sent again', async () => {
  await using database = await createTestDatabase()
  const relay = await outboxOf(database)
  await relay.subscribe()
  await relay.post('plan')
  await relay.post('plan')
  const [first] = await relay.deliver()
  const refused = { ...delivered(first as Leased), result: 'refused', error: 'http_4xx' }
  expect(await relay.deliver('a', [refused])).toMatchObject([{ event: { seq: 2 } }])
})

test('thirty messages an hour, and the next renewal says that more were dropped', async () => {
  await using database = await createTestDatabase()
  const relay = await outboxOf(database)
  await relay.subscribe()
  for (let count = 0; count < 33; count += 1) await relay.post('plan')
  const rows = await queued(relay)
  expect(rows.filter((row) => row.waits)).toHaveLength(30)
  expect(rows.filter((row) => row.is_dropped)).toHaveLength(1)
  const renewed = await relay.subscribe()
  expect(renewed).toMatchObject({ is_truncated: true })
  expect(renewed.before.throttled_until).toBeDefined()
  expect(await relay.subscribe()).toMatchObject({ is_truncated: false })
})

test('nothing is written before the receiver has proved that it wants the deliveries', async () => {
  await using database = await createTestDatabase()
  const relay = await outboxOf(database)
  expect(await relay.subscribe({}, { verified: false })).toEqual({ unverified: true })
  await relay.post('plan')
  expect(await queued(relay)).toEqual([])
  await relay.subscribe()
  // The proof is good for a day, for this grant and URL.
  const other = { id: 'sub_2', thread_name: 'plan' }
  expect(await relay.subscribe(other, { verified: false })).toMatchObject({ is_renewed: false })
  const elsewhere = { id: 'sub_3', url: 'https://receiver.test/b' }
  expect(await relay.subscribe(elsewhere, { verified: false })).toEqual({ unverified: true })
  const stranger = { caller: { ...CALLER, gid: 'two' }, verified: false }
  expect(await relay.subscribe({ id: 'sub_4' }, stranger)).toEqual({ unverified: true })
})

test('twenty subscriptions, and none more, also at once', async () => {
  await using database = await createTestDatabase()
  const relay = await outboxOf(database)
  const made = await Promise.allSettled(
    Array.from({ length: 25 }, (_, index) =>
      relay.subscribe({ id: `sub_${index}`, url: `https://receiver.test/${index}` }),
    ),
  )
  expect(made.filter(({ status }) => status === 'fulfilled')).toHaveLength(20)
  expect(made.find(({ status }) => status === 'rejected')).toMatchObject({
    reason: { code: 'RL020' },
  })
})

test('a renewal leaves a message that is being sent to its sender', async () => {
  await using database = await createTestDatabase()
  const relay = await outboxOf(database)
  await relay.subscribe()
  await relay.post('plan')
  const [sent] = await relay.deliver('a')
  await relay.subscribe({ secret: 's2' })
  expect(await relay.deliver('b')).toEqual([])
  expect(await relay.deliver('a', [delivered(sent as Leased)])).toEqual([])
  expect(await queued(relay)).toMatchObject([{ seq: 1, attempts: 1, waits: false }])
})

test('an outcome that waits for a renewal is noted after it', async () => {
  await using database = await createTestDatabase()
  const relay = await outboxOf(database)
  await relay.subscribe()
  await relay.post('plan')
  const [sent] = await relay.deliver('a')
  const connection = await database.connect()
  await connection.query('begin')
  await over(connection).call('relay_subscribe', {
    p_user_id: USER,
    p_target: { id: 'sub_1', url: 'https://receiver.test/a', secret: 's2', addressed_only: false },
    p_ttl_ms: DAY_MS,
    p_is_verified: true,
    p_caller: CALLER,
  })
  const settling = relay.deliver('a', [delivered(sent as Leased)])
  await waitingForLocks(relay.owner, 1)
  await connection.query('commit')
  expect(await settling).toEqual([])
  expect(await queued(relay)).toMatchObject([{ seq: 1, attempts: 1, waits: false }])
})

test('a subscription of the same client, URL and arguments takes over, with what waits', async () => {
  await using database = await createTestDatabase()
  const relay = await outboxOf(database)
  for (const gid of ['one', 'two']) {
    const p_caller = { ...CALLER, gid, client_hash: 'hash' }
    await relay.call('relay_use_grant', { p_caller, p_opens: true })
  }
  await relay.subscribe()
  await relay.post('plan')
  const taken = await relay.subscribe({ id: 'sub_2' }, {
    caller: { ...CALLER, gid: 'two' },
  } as never)
  expect(taken).toMatchObject({ is_renewed: true, is_truncated: false })
  expect(await relay.deliver()).toMatchObject([{ target_id: 'sub_2', event: { seq: 1 } }])
})

test('a renewal leaves a delivery that is on its way to its sender', async () => {
  await using database = await createTestDatabase()
  const relay = await outboxOf(database)
  await relay.subscribe()
  await relay.post('plan')
  const [first] = await relay.deliver('a')
  await relay.subscribe()
  expect(await relay.deliver('b')).toEqual([])
  await relay.deliver('a', [delivered(first as Leased)])
  expect(await queued(relay)).toMatchObject([{ waits: false }])
})

test('a post that commits while its subscription is taken over is delivered to the new one', async () => {
  await using database = await createTestDatabase()
  const relay = await outboxOf(database)
  for (const gid of ['one', 'two']) {
    const p_caller = { ...CALLER, gid, client_hash: 'hash' }
    await relay.call('relay_use_grant', { p_caller, p_opens: true })
  }
  await relay.subscribe()
  const poster = await database.connect()
  await poster.query('begin')
  await tools(over(poster)).post('plan')
  const taking = relay.subscribe({ id: 'sub_2' }, { caller: { ...CALLER, gid: 'two' } } as never)
  await waitingForLocks(relay.owner, 1)
  await poster.query('commit')
  expect(await taking).toMatchObject({ is_renewed: true })
  expect(await relay.deliver()).toMatchObject([{ target_id: 'sub_2', event: { seq: 1 } }])
})

test('cutting the connection ends its subscriptions and what waits for them', async () => {
  await using database = await createTestDatabase()
  const relay = await outboxOf(database)
  await relay.subscribe()
  await relay.post('plan')
  await relay.call('relay_manage', {
    p_action: 'disconnect',
    p_args: { gid: 'one' },
    p_caller: { gid: 'key', kind: 'key', scope: 'mcp' },
  })
  expect(await queued(relay)).toEqual([])
  expect(await relay.deliver()).toEqual([])
  await expect(relay.subscribe()).rejects.toMatchObject({ code: 'RL014' })
})

test('a subscription ends at its time, and when its client says so', async () => {
  await using database = await createTestDatabase()
  const relay = await outboxOf(database)
  await relay.subscribe()
  await relay.post('plan')
  expect(await relay.unsubscribe()).toEqual({ ended: true })
  expect(await relay.unsubscribe()).toEqual({ ended: false })
  await relay.subscribe()
  await relay.post('plan')
  await relay.owner.query(
    `update public.relay_targets set expires_at = now() - interval '1 second'`,
  )
  expect(await relay.deliver()).toEqual([])
  expect(await queued(relay)).toEqual([])
})

test('a message that was taken back is not delivered', async () => {
  await using database = await createTestDatabase()
  const relay = await outboxOf(database)
  await relay.subscribe()
  await relay.post('plan')
  await relay.call('relay_manage', {
    p_action: 'redact_message',
    p_args: { thread_name: 'plan', seq: 1 },
    p_caller: { gid: 'key', kind: 'key', scope: 'mcp' },
  })
  await relay.post('plan')
  expect(await relay.deliver()).toMatchObject([{ event: { seq: 2 } }])
})

test('the cursor of a delivery is never past what has not been acknowledged', async () => {
  await using database = await createTestDatabase()
  const relay = await outboxOf(database)
  await relay.subscribe()
  const { created_at } = await relay.post('plan')
  const [first] = await relay.deliver()
  expect(Date.parse(first?.cursor_at ?? '')).toBeLessThan(Date.parse(created_at))
  await pass(relay, 60)
  await relay.deliver('a', [failed(first as Leased)], 0)
  await relay.post('plan')
  await pass(relay, 60)
  const [again] = await relay.deliver()
  expect(again?.event.seq).toBe(1)
  expect(Date.parse(again?.cursor_at ?? '')).toBeLessThan(Date.parse(created_at))
})

test('the person is notified of messages to the given names, without a subscription', async () => {
  await using database = await createTestDatabase()
  const relay = await outboxOf(database)
  const told = { reader_tag: 'ci', notify: { for: ['board'], origin: 'https://relay.test' } }
  await relay.post('plan', 'Hello.', { ...told, to: 'nightly' })
  expect(await relay.deliver()).toEqual([])
  expect(await relay.post('plan', 'Hello.', { ...told, to: 'Board' })).toMatchObject({ due: true })
  expect(await relay.deliver()).toMatchObject([
    { kind: 'notify', origin: 'https://relay.test', event: { seq: 2, to: 'Board' } },
  ])
})

test('the daily work is done once a day, in the first run after its time', async () => {
  await using database = await createTestDatabase()
  const relay = await outboxOf(database)
  expect(await relay.call('relay_scheduled', { p_days: 1 })).toMatchObject({ deleted: [] })
  expect(await relay.call('relay_scheduled', { p_days: 1 })).toEqual({})
  await relay.owner.query('update public.relay_schedule set daily_on = daily_on - 1')
  expect(await relay.call('relay_scheduled', { p_days: 1 })).toMatchObject({ deleted: [] })
  expect(await relay.status()).toMatchObject({ scheduled_run_at: expect.any(String) })
})

/** Makes everything in the outbox older by so many seconds. */
async function pass({ owner }: Outbox, seconds: number): Promise<void> {
  const older = `update public.relay_deliveries set due_at = due_at - $1 * interval '1 second'`
  await owner.query(older, [seconds])
}
