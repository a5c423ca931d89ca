/** Locks: everything at once without a deadlock, and how long a call waits for another's. */
import type { DatabaseError } from 'pg'
import { expect, test } from 'vitest'
import { createTestDatabase } from '../../support/database.ts'
import { randomNumbers } from '../../support/random.ts'
import { bulk, drain, fill, over, range, seqs, together, tools, waitingForLocks } from './calls.ts'

test('30 connections doing everything, and deletions by hand: no deadlock, nothing miscounted', async () => {
  await using database = await createTestDatabase()
  const owner = await database.connect('postgres')
  for (const n of range(0, 7)) await tools(database).post(`${n}`, 'secret')
  const errors: string[] = []
  await together(30, async (n) => {
    const connection = await database.connect(n < 2 ? 'postgres' : 'service_role')
    const relay = tools(over(connection))
    const random = randomNumbers(n + 1)
    for (const _ of range(1, 40)) {
      const thread = `${random(8)}`
      const reader_tag = `reader ${random(4)}`
      const doing: (() => Promise<unknown>)[] = [
        () => relay.post(thread, 'secret', { reader_tag }),
        () => relay.post(thread, 'x', { reader_tag, idempotency_key: `${random(30)}` }),
        () => relay.post(`new ${random(20)}`),
        () => relay.check(reader_tag),
        () => relay.check(reader_tag, { limit: 3 }),
        () => relay.check(reader_tag, { thread_name: thread }),
        () => relay.check(reader_tag, { thread_name: thread, ack_seq: random(10) }),
        () => relay.check(`once ${random(1000)}`, { limit: 2 }),
        () => relay.read(thread, { reader_tag }),
        () => relay.read(null, { query: 'secret', limit: 5 }),
        () => relay.archive(thread, { archived: random(2) === 0 }),
        () => relay.list({ reader_tag, include_archived: true }),
      ]
      const byHand = [
        'delete from relay_messages where seq % 5 = 0 and surface = $1',
        `delete from relay_messages where content = 'secret' and random() < 0.1 and surface = $1`,
        `update relay_messages set content = '[removed]' where seq = 3 and surface = $1`,
      ]
      const work = doing[random(doing.length)] as () => Promise<unknown>
      await (n < 2 ? connection.query(byHand[random(3)] as string, ['code']) : work()).catch(
        ({ code, message }: DatabaseError) => {
          // Refusals, such as a place to acknowledge beyond the end, are answers.
          if (!code?.startsWith('RL')) errors.push(`${code} ${message}`)
        },
      )
    }
  })
  expect(errors).toEqual([])
  const { rows } = await owner.query(
    `select name from relay_threads t
    where message_count <> (select count(*) from relay_messages where thread_id = t.id)
      or last_seq < (select coalesce(max(seq), 0) from relay_messages where thread_id = t.id)`,
  )
  expect(rows).toEqual([])
})

test('opposite orders of activity and of readers do not deadlock the checks of all threads', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  for (const n of range(0, 9)) await relay.post(`${n}`)
  for (const n of range(0, 5)) await relay.check(`${n}`)
  await together(12, async (n) => {
    const caller = tools(over(await database.connect()))
    for (const m of range(1, 20)) {
      const name = `${n % 2 ? m % 10 : 9 - (m % 10)}`
      await caller.post(name, 'x', { reader_tag: `${n % 6}` })
      await caller.check(`${(n + m) % 6}`)
    }
  })
  const left = await drain(relay, 'newcomer')
  expect(left).toHaveLength(20)
})

test('deletions over many threads at once take turns', async () => {
  await using database = await createTestDatabase()
  const [owner, relay] = [await database.connect('postgres'), tools(database)]
  for (const n of range(1, 60)) {
    await relay.create(`${n}`)
    await bulk(owner, `${n}`, 60)
  }
  await together(6, async (n) => {
    const connection = await database.connect('postgres')
    for (const round of range(0, 9)) {
      // Every second one over some of the threads only.
      await connection.query(
        `delete from relay_messages m using relay_threads t
        where t.id = thread_id and seq = $1 and (name::int % 7 = $2 or $2 % 2 = 0)`,
        [round * 6 + n + 1, n],
      )
    }
  })
  const { rows } = await owner.query(
    `select (select count(*) from relay_messages)::int as left,
      (select sum(message_count) from relay_threads)::int as counted`,
  )
  expect(rows).toEqual([{ left: rows[0].counted, counted: expect.any(Number) }])
  expect(rows[0].left).toBeLessThan(1800)
})

test('a reader who reads does not wait for a post that is not committed', async () => {
  await using database = await createTestDatabase()
  const [poster, relay] = [await database.connect(), tools(database)]
  await fill(relay, 'busy', 2)
  await poster.query('begin')
  expect(await tools(over(poster)).post('busy')).toMatchObject({ seq: 3 })
  const places = async (args: object) => seqs((await relay.check('ci', args)).messages)
  expect(await places({})).toEqual([1, 2])
  expect(await relay.read('busy')).toMatchObject({ messages: [{ seq: 2 }, { seq: 1 }] })
  expect(await relay.list()).toMatchObject({ threads: [{ message_count: 2 }] })
  await poster.query('commit')
  expect(await places({ thread_name: 'busy' })).toEqual([3])
})

test('posts to a thread take turns, and a rolled back one leaves no gap', async () => {
  await using database = await createTestDatabase()
  const [poster, observer] = [await database.connect(), await database.connect('postgres')]
  const relay = tools(database)
  await relay.post('busy', 'one')
  await poster.query('begin')
  await tools(over(poster)).post('busy', 'never')
  const next = relay.post('busy', 'two')
  await waitingForLocks(observer, 1)
  await poster.query('rollback')
  expect(await next).toMatchObject({ seq: 2 })
})

test('two callers of one reader take turns, and the second continues where the first ended', async () => {
  await using database = await createTestDatabase()
  const [first, observer] = [await database.connect(), await database.connect('postgres')]
  const relay = tools(database)
  await fill(relay, 'a', 3)
  await relay.check('ci', { limit: 1 })
  for (const args of [{ thread_name: 'a', limit: 1 }, { limit: 1 }]) {
    await first.query('begin')
    const got = await tools(over(first)).check('ci', args)
    const second = relay.check('ci', args)
    await waitingForLocks(observer, 1)
    expect(await relay.check('other', { thread_name: 'a' })).toHaveProperty('remaining_count', 0)
    expect(await relay.check('ci', { ...args, peek: true })).toMatchObject({ new_message_count: 1 })
    await first.query('commit')
    expect(seqs((await second).messages)).toEqual(seqs(got.messages).map((seq) => seq + 1))
    await fill(relay, 'a', 2)
  }
})

test('a call that would wait more than four seconds gives up and has written nothing', async () => {
  await using database = await createTestDatabase()
  const holder = await database.connect('postgres')
  const relay = tools(database)
  for (const name of ['one', 'two']) await relay.post(name)
  await holder.query('begin')
  await holder.query('update relay_threads set description = null')
  await tools(over(holder)).check('ci')
  const started = Date.now()
  const outcomes = await Promise.allSettled([
    relay.post('one'),
    relay.archive('two'),
    relay.check('ci', { thread_name: 'one' }),
  ])
  const waited = Date.now() - started
  for (const outcome of outcomes) {
    expect(outcome).toMatchObject({ status: 'rejected', reason: { code: '55P03' } })
  }
  expect(waited).toBeGreaterThan(3500)
  await holder.query('rollback')
  expect(await relay.list()).toMatchObject({
    threads: [
      { name: 'two', archived: false },
      { name: 'one', message_count: 1 },
    ],
  })
})
