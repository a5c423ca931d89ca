/** relay_check_new with a time: what is older counts as read, or is left out. */
import { expect, test } from 'vitest'
import { createTestDatabase } from '../../support/database.ts'
import { contents, drain, fill, over, range, seqs, together, tools } from './calls.ts'

/** The time of a message, as SQL has it. */
const timeOf = (seq: number, thread = 'a') => `(
  select m.created_at from relay_messages m join relay_threads t on t.id = m.thread_id
  where t.name = '${thread}' and m.seq = ${seq})`

async function open() {
  const database = await createTestDatabase()
  const owner = await database.connect('postgres')
  const timeAt = async (seq: number, thread?: string): Promise<string> =>
    (await owner.query(`select ${timeOf(seq, thread)}::text as time`)).rows[0].time
  return {
    relay: tools(database),
    database,
    owner,
    timeAt,
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  }
}

test('a known reader gets what is not older, and the rest counts as read', async () => {
  await using here = await open()
  const { relay } = here
  await relay.check('me')
  await fill(relay, 'a', 5)
  await fill(relay, 'b', 2)
  const answer = await relay.check('me', { since: await here.timeAt(4), lean: true })
  expect(answer).toMatchObject({
    new_message_count: 4,
    skipped: [{ thread_name: 'a', message_count: 3 }],
    skipped_thread_count: 1,
  })
  expect(contents(answer.messages)).toEqual(['4', '5', '1', '2'])
  expect(await relay.check('me')).toMatchObject({ new_message_count: 0 })
})

test('messages to the reader are never passed over', async () => {
  await using here = await open()
  const { relay } = here
  await relay.check('me')
  await fill(relay, 'a', 2)
  await relay.post('a', 'for you', { to: 'me' })
  await fill(relay, 'a', 2)
  const { messages } = await relay.check('me', { since: await here.timeAt(5) })
  expect(seqs(messages)).toEqual([3, 4, 5])
})

test('it takes the place of the introduction, in all threads or in one', async () => {
  await using here = await open()
  const { relay } = here
  for (const n of range(1, 12)) await fill(relay, `thread ${n}`, 3)
  const since = await here.timeAt(2, 'thread 12')
  const first = await relay.check('new', { since })
  expect(seqs(first.messages)).toEqual([2, 3])
  expect(first).toMatchObject({ new_reader: true, skipped_thread_count: 12 })
  expect(await relay.check('new')).toMatchObject({ new_message_count: 0 })
  const named = await relay.check('other', { thread_name: 'thread 12', since })
  expect(seqs(named.messages)).toEqual([2, 3])
  expect(named).toMatchObject({ skipped: [{ message_count: 1 }] })
  const { messages } = await relay.check('other', { thread_name: 'thread 1' })
  expect(seqs(messages)).toEqual([1, 2, 3])
})

test('with peek it marks nothing, introduces no reader, and leaves out what is older', async () => {
  await using here = await open()
  const { relay, owner } = here
  await fill(relay, 'a', 30)
  const asked = { since: await here.timeAt(29), peek: true }
  for (const _ of range(1, 2)) {
    expect(seqs((await relay.check('me', asked)).messages)).toEqual([29, 30])
  }
  expect(await relay.check('me', asked)).toMatchObject({ remaining_count: 2 })
  const { rows } = await owner.query(`
    select introduced_at, (select count(*)::int from relay_read_cursors) as cursors from relay_readers`)
  expect(rows).toEqual([{ introduced_at: null, cursors: 0 }])
  await relay.check('me', { thread_name: 'a' })
  expect(await relay.check('me', asked)).toMatchObject({ new_message_count: 0 })
})

test('a time ahead of the clock is refused with the time, and passes nothing over', async () => {
  await using here = await open()
  const { relay } = here
  await relay.check('me')
  await fill(relay, 'a', 2)
  const ahead = new Date(Date.now() + 60_000).toISOString()
  await expect(relay.check('me', { since: ahead })).rejects.toMatchObject({
    code: 'RL013',
    detail: expect.stringMatching(/^20.*Z$/),
  })
  expect(await drain(relay, 'me')).toHaveLength(2)
})

test('two readers under one tag that pass over while others post lose and repeat nothing', async () => {
  await using here = await open()
  const { relay, database } = here
  await relay.check('me')
  await relay.check('watcher')
  const { rows } = await here.owner.query('select now()::text as now')
  const callers = await together(8, async () => tools(over(await database.connect())))
  const posted: string[] = []
  const received: string[] = []
  await together(8, async (index) => {
    const caller = callers[index] as typeof relay
    for (const n of range(1, 40)) {
      if (index < 6) {
        posted.push(`${index} ${n}`)
        await caller.post(`thread ${n % 3}`, `${index} ${n}`)
      } else {
        // Everything was posted since: nothing may be passed over.
        received.push(...contents((await caller.check('me', { since: rows[0].now })).messages))
      }
    }
  })
  received.push(...contents(await drain(relay, 'me')))
  expect(received.toSorted()).toEqual(posted.toSorted())
})
