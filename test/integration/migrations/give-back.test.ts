/** relay_give_back: marks of a look whose caller had gone before the answer arrived. */
import { expect, test } from 'vitest'
import { createTestDatabase } from '../../support/database.ts'
import { type Caller, fill, seqs, together, tools, USER } from './calls.ts'

const READER = { p_user_id: USER, p_reader_tag: 'ci' }

const look = (database: Caller, fn = 'relay_check_new', args: object = {}) =>
  database.call(fn, { ...READER, ...args })

const giveBack = (database: Caller, moved: unknown) =>
  database.call('relay_give_back', { ...READER, p_moved: JSON.stringify(moved) })

test('a check of all threads that is given back returns the same once more, in order', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await relay.check('ci')
  await fill(relay, 'a', 3)
  await fill(relay, 'b', 2)
  await relay.check('ci', { thread_name: 'a', limit: 1 })
  const { moved, messages } = await look(database)
  expect(seqs(messages)).toEqual([2, 3, 1, 2])
  expect(await giveBack(database, moved)).toEqual({ thread_count: 2 })
  expect(seqs((await relay.check('ci')).messages)).toEqual([2, 3, 1, 2])
  expect(await relay.check('ci')).toMatchObject({ new_message_count: 0, remaining_count: 0 })
})

test('a read that marked messages as read is given back too', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await relay.check('ci')
  await fill(relay, 'a', 3)
  const { moved } = await look(database, 'relay_read_thread', { p_thread_name: 'a' })
  expect(await giveBack(database, moved)).toEqual({ thread_count: 1 })
  expect(seqs((await relay.check('ci')).messages)).toEqual([1, 2, 3])
})

test('messages that a later call of the reader took stay read', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await relay.check('ci')
  await fill(relay, 'a', 3)
  const { moved } = await look(database, 'relay_check_new', { p_limit: 1 })
  expect(seqs((await relay.check('ci')).messages)).toEqual([2, 3])
  expect(await giveBack(database, moved)).toEqual({ thread_count: 0 })
  expect(await relay.check('ci')).toMatchObject({ new_message_count: 0, remaining_count: 0 })
})

test('looks that are given back while others check lose nothing', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await relay.check('ci')
  await fill(relay, 'a', 60)
  const kept: number[] = []
  await together(20, async (n) => {
    const { moved, messages } = await look(database, 'relay_check_new', { p_limit: 5 })
    if (n % 2 === 0) kept.push(...seqs(messages))
    else if (moved && (await giveBack(database, moved)).thread_count === 0) {
      kept.push(...seqs(messages))
    }
  })
  for (;;) {
    const { messages } = await relay.check('ci')
    if (messages.length === 0) break
    kept.push(...seqs(messages))
  }
  expect(kept.sort((a, b) => a - b)).toEqual(Array.from({ length: 60 }, (_, n) => n + 1))
})

test('nothing moves, so nothing can be given back, in a peek and where all is read', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await fill(relay, 'a', 2)
  expect((await look(database, 'relay_check_new', { p_peek: true })).moved).toBeNull()
  await relay.check('ci')
  expect((await look(database)).moved).toBeNull()
})
