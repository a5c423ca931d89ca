/** Rows deleted by hand, in SQL: counts stay right, no seq is reused, nothing waits indefinitely. */
import { expect, test } from 'vitest'
import { createTestDatabase } from '../../support/database.ts'
import { drain, fill, seqs, tools, waitingForLocks } from './calls.ts'

test('a deleted message is gone from every count', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  const owner = await database.connect('postgres')
  await fill(relay, 'release', 10)
  await relay.check('ci', { thread_name: 'release', limit: 2 })
  await owner.query('delete from relay_messages where seq in (1, 4, 7)')

  expect(await relay.list({ reader_tag: 'ci' })).toMatchObject({
    threads: [{ message_count: 7, unread_count: 6 }],
  })
  expect(await relay.status()).toMatchObject({ message_count: 7 })
  expect(await relay.read('release', { limit: 3 })).toMatchObject({
    older_count: 4,
    next_before_seq: 8,
  })
  const page = await relay.read('release', { limit: 3, before_seq: 8, reader_tag: 'ci' })
  expect(seqs(page.messages)).toEqual([6, 5, 3])
  expect(page).toMatchObject({ older_count: 1, unread_older_count: 0 })
  const answer = await relay.check('ci', { thread_name: 'release', limit: 2 })
  expect(answer).toMatchObject({ messages: [{ seq: 3 }, { seq: 5 }], remaining_count: 4 })
  expect(await relay.check('ci', { limit: 1 })).toMatchObject({
    messages: [{ seq: 6 }],
    remaining_count: 3,
  })
  expect(seqs(await drain(relay, 'ci'))).toEqual([8, 9, 10])
})

test('the seq of a deleted newest message is never assigned again', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  const owner = await database.connect('postgres')
  await fill(relay, 'release', 3)
  await relay.check('reader', { thread_name: 'release' })
  await owner.query('delete from relay_messages where seq = 3')
  expect(await relay.post('release')).toMatchObject({ seq: 4 })
  expect(await relay.check('reader', { thread_name: 'release' })).toMatchObject({
    messages: [{ seq: 4 }],
  })
})

test('nothing remains to wait for when the newest, unread messages are deleted', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  const owner = await database.connect('postgres')
  await fill(relay, 'release', 5)
  await relay.check('ci', { thread_name: 'release', limit: 3 })
  await owner.query('delete from relay_messages where seq > 3')
  const nothing = { new_message_count: 0, remaining_count: 0 }
  expect(await relay.check('ci', { thread_name: 'release' })).toMatchObject(nothing)
  expect(await relay.check('ci')).toMatchObject(nothing)
  expect(await relay.list({ reader_tag: 'ci' })).toMatchObject({
    threads: [{ message_count: 3, unread_count: 0 }],
  })
  expect(await relay.read('release', { reader_tag: 'ci' })).toMatchObject({
    unread_older_count: 0,
  })
})

test('a thread whose messages are all deleted is empty, and new posts continue its seq', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  const owner = await database.connect('postgres')
  await fill(relay, 'release', 4)
  await relay.check('ci', { thread_name: 'release', limit: 2 })
  await owner.query('delete from relay_messages')
  const nothing = { new_message_count: 0, remaining_count: 0 }
  expect(await relay.check('ci', { thread_name: 'release' })).toMatchObject(nothing)
  expect(await relay.check('new', { thread_name: 'release' })).toMatchObject(nothing)
  expect(await relay.check('new')).toMatchObject(nothing)
  expect(await relay.read('release', { reader_tag: 'ci' })).toMatchObject({
    messages: [],
    older_count: 0,
    unread_older_count: 0,
  })
  expect(await relay.post('release', 'mine', { reader_tag: 'ci' })).toMatchObject({ seq: 5 })
  expect(await relay.check('ci', { thread_name: 'release' })).toMatchObject(nothing)
  expect(await relay.check('new', { thread_name: 'release' })).toMatchObject({
    messages: [{ seq: 5 }],
  })
})

test('truncating the messages empties every thread', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  const owner = await database.connect('postgres')
  await fill(relay, 'a', 3)
  await fill(relay, 'b', 2)
  await relay.check('ci', { thread_name: 'a', limit: 1 })
  await owner.query('truncate relay_messages')
  expect(await relay.list({ reader_tag: 'ci' })).toMatchObject({
    threads: [
      { name: 'b', message_count: 0 },
      { name: 'a', message_count: 0, unread_count: 0 },
    ],
  })
  expect(await relay.check('ci')).toMatchObject({ new_message_count: 0, remaining_count: 0 })
  expect(await relay.read('a')).toMatchObject({ messages: [], older_count: 0 })
  expect(await relay.post('a')).toMatchObject({ seq: 4 })
  expect(seqs(await drain(relay, 'ci'))).toEqual([4])
})

test('truncating everything starts from the beginning', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  const owner = await database.connect('postgres')
  await fill(relay, 'a', 3)
  await relay.check('ci')
  await owner.query('truncate relay_threads cascade')
  expect(await relay.status()).toMatchObject({ thread_count: 0, message_count: 0 })
  expect(await relay.post('a')).toMatchObject({ seq: 1, thread_created: true })
  const answer = await relay.check('ci')
  expect(answer).toMatchObject({ messages: [{ seq: 1 }] })
  expect(answer).not.toHaveProperty('new_reader')
})

test('a deleted thread takes its messages and cursors along, and its name is free', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  const owner = await database.connect('postgres')
  await fill(relay, 'gone', 3)
  await fill(relay, 'kept', 2)
  await relay.check('ci')
  await owner.query(`delete from relay_threads where name = 'gone'`)
  const { rows } = await owner.query(
    `select (select count(*)::int from relay_messages) as messages,
      (select count(*)::int from relay_read_cursors) as cursors`,
  )
  expect(rows).toEqual([{ messages: 2, cursors: 1 }])
  await expect(relay.read('gone')).rejects.toMatchObject({ code: 'RL001', hint: '["kept"]' })
  expect(await relay.post('gone')).toMatchObject({ seq: 1, thread_created: true })
  expect(await relay.check('ci')).toMatchObject({ messages: [{ thread_name: 'gone', seq: 1 }] })
})

test('an idempotency key is free again when its message is deleted', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  const owner = await database.connect('postgres')
  await relay.post('release', 'secret', { idempotency_key: 'k' })
  await owner.query('delete from relay_messages')
  const again = await relay.post('release', 'no secret', { idempotency_key: 'k' })
  expect(again).toMatchObject({ seq: 2 })
  expect(again).not.toHaveProperty('duplicate')
})

test('a deletion over several threads counts in each', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  const owner = await database.connect('postgres')
  for (const thread of ['a', 'b', 'c']) {
    await relay.post(thread, 'password hunter2')
    await relay.post(thread, 'fine')
  }
  await relay.post('c', 'hunter2 again')
  await owner.query(`delete from relay_messages where content like '%hunter2%'`)
  await owner.query(`delete from relay_messages where content = 'nowhere'`)
  expect(await relay.list()).toMatchObject({
    threads: [{ message_count: 1 }, { message_count: 1 }, { message_count: 1 }],
  })
})

test('a check of a thread that is just being deleted does not fail', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  const owner = await database.connect('postgres')
  await fill(relay, 'gone', 2)
  await relay.post('kept')
  await relay.check('ci', { thread_name: 'gone', limit: 1 })
  await owner.query('begin')
  await owner.query(`delete from relay_threads where name = 'gone'`)
  const answers = Promise.allSettled([
    relay.check('ci', { thread_name: 'gone' }),
    relay.check('new', { thread_name: 'gone' }),
    relay.check('also new'),
  ])
  await waitingForLocks(owner, 3)
  await owner.query('commit')
  for (const answer of await answers) expect(answer).toMatchObject({ status: 'fulfilled' })
})
