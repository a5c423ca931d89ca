/** Devices in the outbox: bursts, messages that need no ring any more, and how often a device rings. */
import { expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { tools, USER } from './calls.ts'

type Json = Record<string, unknown>

interface Leased {
  target_id: string
  kind: string
  open: number
  event: { id: string; seq: number; thread_name: string }
}

const BOARD = { gid: 'phone', kind: 'oauth', client_hash: 'hash', board: 'hash', scope: 'mcp' }

/** A relay in SQL with a sign-in to the board, and the calls that the board and a sender make. */
async function pushOf(database: TestDatabase) {
  const owner = await database.connect('postgres')
  const call = (fn: string, args: Json) => database.call(fn, { p_user_id: USER, ...args })
  const relay = tools(database)
  await call('relay_use_grant', { p_caller: BOARD, p_opens: true })
  const manage = (p_action: string, p_args: Json = {}) =>
    call('relay_manage', { p_action, p_args, p_caller: BOARD })
  return {
    owner,
    call,
    manage,
    add: (id = 'dev_1') =>
      manage('add_device', { id, url: `https://push.test/${id}`, secret: 's', label: 'A phone' }),
    post: (thread: string, fields: Json = {}) =>
      relay.post(thread, 'Hello.', { reader_tag: 'ci', to: 'board', ...fields }),
    async deliver(outcomes: Json[] = [], pushes = 2): Promise<Leased[]> {
      const p_outcomes = JSON.stringify(outcomes)
      const args = { p_owner: 'a', p_outcomes, p_push_limit: pushes }
      return (await call('relay_deliver', args)).deliveries
    },
    /** Sends everything: the thread, the seq, and how many are open. */
    async drain(): Promise<unknown[]> {
      const rung: unknown[] = []
      for (
        let leased = await this.deliver();
        leased.length > 0;
        leased = await this.deliver(leased.map(delivered))
      ) {
        rung.push(...leased.map(({ event, open }) => [event.thread_name, event.seq, open]))
      }
      return rung
    },
  }
}

const delivered = ({ target_id, event }: Leased) => ({
  target_id,
  message_id: event.id,
  result: 'delivered',
})

test('a burst in a thread rings once, with its newest message and the number that are open', async () => {
  await using database = await createTestDatabase()
  const relay = await pushOf(database)
  await relay.add()
  for (const thread of ['plan', 'plan', 'release', 'plan']) await relay.post(thread)
  expect(await relay.drain()).toEqual([
    ['release', 1, 4],
    ['plan', 3, 4],
  ])
  // A later message rings again.
  await relay.post('plan')
  expect(await relay.drain()).toEqual([['plan', 4, 5]])
})

test('messages that come while one is being sent ring once after it', async () => {
  await using database = await createTestDatabase()
  const relay = await pushOf(database)
  await relay.add()
  await relay.post('plan')
  const first = await relay.deliver()
  await relay.post('plan')
  await relay.post('plan')
  const second = await relay.deliver(first.map(delivered))
  expect(second).toMatchObject([{ event: { seq: 3 } }])
  expect(await relay.deliver(second.map(delivered))).toEqual([])
})

test('a message that was answered, marked as done or taken back before it was sent does not ring', async () => {
  await using database = await createTestDatabase()
  const relay = await pushOf(database)
  await relay.add()
  for (const thread of ['answered', 'done', 'taken-back', 'open']) await relay.post(thread)
  await relay.post('answered', { reader_tag: 'board', to: 'ci', reply_to: 1 })
  await relay.manage('settle_message', { thread_name: 'done', seq: 1, settled: true })
  await relay.manage('redact_message', { thread_name: 'taken-back', seq: 1 })
  expect(await relay.drain()).toEqual([['open', 1, 1]])
})

test('an open message rings although a later one in its thread needs no ring any more', async () => {
  await using database = await createTestDatabase()
  const relay = await pushOf(database)
  await relay.add()
  await relay.post('plan')
  await relay.post('plan')
  await relay.manage('settle_message', { thread_name: 'plan', seq: 2, settled: true })
  expect(await relay.drain()).toEqual([['plan', 1, 1]])
})

test('devices need no RELAY_NOTIFY_URL, and ring for the person in any spelling', async () => {
  await using database = await createTestDatabase()
  const relay = await pushOf(database)
  await relay.add()
  const spellings = ['board', '@Board', 'BOARD', 'boards', 'laptop', null]
  for (const [index, to] of spellings.entries()) {
    await relay.post(`thread-${index}`, { to })
  }
  expect(await relay.drain()).toEqual([
    ['thread-0', 1, 3],
    ['thread-1', 1, 3],
    ['thread-2', 1, 3],
  ])
})

test('a device rings 120 times an hour, and later messages leave nothing behind', async () => {
  await using database = await createTestDatabase()
  const relay = await pushOf(database)
  await relay.add()
  await relay.post('plan')
  expect(await relay.drain()).toHaveLength(1)
  await relay.owner.query(
    `insert into relay_deliveries (user_id, target_id, message_id, created_at)
    select user_id, target_id, gen_random_uuid(), created_at
    from relay_deliveries, generate_series(2, 119)`,
  )
  await relay.post('plan')
  await relay.post('plan')
  expect(await relay.drain()).toEqual([['plan', 2, 3]])
  const { rows } = await relay.owner.query('select count(*)::int from relay_deliveries')
  expect(rows).toEqual([{ count: 120 }])
  const { targets } = await relay.manage('list_targets')
  expect(targets).toMatchObject([{ throttled_until: expect.any(String) }])
  await relay.owner.query(`update relay_deliveries set created_at = now() - interval '61 minutes'`)
  await relay.post('plan')
  expect(await relay.drain()).toEqual([['plan', 4, 4]])
})

test('a sender takes as many devices as it says, and the others wait for the next', async () => {
  await using database = await createTestDatabase()
  const relay = await pushOf(database)
  for (const id of ['dev_1', 'dev_2', 'dev_3']) await relay.add(id)
  await relay.post('plan')
  const first = await relay.deliver()
  expect(first.map(({ target_id }) => target_id)).toEqual(['dev_1', 'dev_2'])
  expect(await relay.deliver(first.map(delivered), 0)).toEqual([])
  expect(await relay.deliver()).toMatchObject([{ target_id: 'dev_3' }])
})

test('a device is never given up: only its push service, its sign-in or the person ends it', async () => {
  await using database = await createTestDatabase()
  const relay = await pushOf(database)
  await relay.add()
  await relay.owner.query('update relay_targets set failures = 100')
  await relay.post('plan')
  const leased = await relay.deliver()
  expect(leased).toMatchObject([{ kind: 'push' }])
  expect((await relay.manage('list_targets')).targets).toMatchObject([{ is_active: true }])
  await relay.deliver(leased.map((each) => ({ ...delivered(each), result: 'ended' })))
  expect(await relay.manage('list_targets')).toEqual({ targets: [] })
})
