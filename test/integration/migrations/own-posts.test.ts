/** Own posts, messages addressed to a reader, and a post's answer about both. */
import { expect, test } from 'vitest'
import { createTestDatabase } from '../../support/database.ts'
import { bulk, drain, range, seqs, tools } from './calls.ts'

test('own posts are not news, in any order among those of others', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await relay.check('ci')
  for (const who of ['ci', 'ci', 'other', 'ci', 'other', 'ci', 'ci']) {
    await relay.post('talk', who, { reader_tag: who })
  }
  expect(await relay.list({ reader_tag: 'ci' })).toMatchObject({ threads: [{ unread_count: 2 }] })
  expect(seqs((await relay.check('ci', { limit: 1 })).messages)).toEqual([3])
  expect(seqs((await relay.check('ci', { peek: true })).messages)).toEqual([5])
  expect(await relay.check('ci')).toMatchObject({ messages: [{ seq: 5 }], remaining_count: 0 })
  expect(await relay.check('ci')).toMatchObject({ new_message_count: 0, remaining_count: 0 })
  expect(await relay.list({ reader_tag: 'ci' })).toMatchObject({ threads: [{ unread_count: 0 }] })
  // To another reader they are.
  expect(seqs(await drain(relay, 'other', { thread_name: 'talk' }))).toEqual([1, 2, 4, 6, 7])
})

test('an empty check counts the posts it skipped and dates the last message received', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await relay.check('ci', { thread_name: (await relay.post('talk')).thread_name })
  // Two sessions under one tag: neither hears the other, and this is how it shows.
  const owner = await database.connect('postgres')
  await owner.query(
    `insert into relay_messages (thread_id, user_id, surface, content, reader_tag)
    select id, user_id, 'code', 'mine', 'ci' from relay_threads, generate_series(1, 3)`,
  )
  const answer = await relay.check('ci', { thread_name: 'talk' })
  expect(answer).toMatchObject({ new_message_count: 0, own_message_count: 3 })
  expect(Date.parse(answer.last_given_at)).not.toBeNaN()
  expect(await relay.check('ci', { thread_name: 'talk' })).toMatchObject({ own_message_count: 0 })
})

test('a message addressed to its own poster reaches it, once', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await relay.check('nightly')
  const posted = await relay.post('hand-off', 'For tomorrow.', {
    reader_tag: 'nightly',
    to: 'Nightly',
  })
  expect(posted).toMatchObject({ to: 'nightly', unread_count: 0 })
  await relay.post('hand-off', 'An afterthought.', { reader_tag: 'nightly' })
  expect(await relay.list({ reader_tag: 'nightly' })).toMatchObject({
    threads: [{ unread_count: 1 }],
  })
  expect(seqs((await relay.check('nightly')).messages)).toEqual([1])
  expect(await relay.check('nightly')).toMatchObject({ new_message_count: 0, remaining_count: 0 })
})

test('`to` is looked up as written, then folded, and kept as written when no reader has that name', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await relay.check('Laptop Code')
  expect(await relay.post('a', 'x', { to: 'laptop-code' })).toMatchObject({
    to: 'Laptop Code',
    to_last_seen_at: expect.any(String),
  })
  const unknown = await relay.post('a', 'x', { to: 'phone' })
  expect(unknown).toMatchObject({ to: 'phone' })
  expect(unknown).not.toHaveProperty('to_last_seen_at')
  const { messages } = await relay.read('a', { lean: true })
  expect(messages.map((m: { to: string }) => m.to)).toEqual(['phone', 'Laptop Code'])
})

test('every call tells a reader which other messages wait for it', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await relay.check('ci')
  await relay.check('phone')
  await relay.post('talk', 'hello')
  await relay.post('prices', 'for everybody')
  await relay.post('prices', '13 per seat, final', { to: 'ci', reader_tag: 'phone' })
  const addressed_unread = [
    {
      thread_name: 'prices',
      seq: 2,
      from: 'phone',
      content: '13 per seat, final',
      created_at: expect.any(String),
    },
  ]
  const own = { reader_tag: 'ci', lean: true }
  expect(await relay.post('talk', 'mine', own)).toMatchObject({ addressed_unread })
  expect(await relay.list(own)).toMatchObject({ addressed_unread })
  expect(await relay.read('talk', own)).toMatchObject({ addressed_unread })
  const named = { thread_name: 'talk', lean: true }
  expect(await relay.check('ci', named)).toMatchObject({ addressed_unread })
  expect(await relay.check('ci', named)).toMatchObject({ addressed_unread })
  const one = { limit: 1, lean: true }
  expect(await relay.check('ci', one)).toMatchObject({
    messages: [{ thread_name: 'prices', seq: 1 }],
    addressed_unread,
  })
  // Once it was returned, and in the answer that returns it, it is not said again.
  expect(await relay.read('prices', { reader_tag: 'ci', lean: true, seq: 2 })).not.toHaveProperty(
    'addressed_unread',
  )
  expect(await relay.check('ci', one)).not.toHaveProperty('addressed_unread')
  expect(await relay.post('talk', 'mine', own)).not.toHaveProperty('addressed_unread')
})

test('unread_count of a post is looked for in the first 1,000 seqs', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  const owner = await database.connect('postgres')
  await relay.check('ci')
  await relay.create('long')
  await bulk(owner, 'long', 1000)
  const first = await relay.post('long', 'mine', { reader_tag: 'ci' })
  expect(first).toMatchObject({ unread_count: 1000 })
  expect(first).not.toHaveProperty('unread_count_is_minimum')
  expect(await relay.post('long', 'mine', { reader_tag: 'ci' })).toMatchObject({
    unread_count: 1000,
    unread_count_is_minimum: true,
  })
  expect(seqs(await drain(relay, 'ci'))).toEqual(range(1, 1000))
})

test('a post says when its reader is the only one', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  expect(await relay.post('a', 'x', { reader_tag: 'me' })).toHaveProperty('only_reader', true)
  await relay.check('other')
  expect(await relay.post('a', 'x', { reader_tag: 'me' })).not.toHaveProperty('only_reader')
})
