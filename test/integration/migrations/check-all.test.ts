/** relay_check_new over all threads: which ones, in what order. */
import { expect, test } from 'vitest'
import { createTestDatabase } from '../../support/database.ts'
import { bulk, drain, fill, type Message, range, tools } from './calls.ts'

const places = (messages: Message[]) => messages.map((m) => `${m.thread_name} ${m.seq}`)

test('threads come one after the other, the least recently active first', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await relay.post('seen')
  await relay.check('ci')
  for (const thread of ['c', 'a', 'b', 'a', 'c']) await relay.post(thread)
  const answer = await relay.check('ci')
  expect(places(answer.messages)).toEqual(['b 1', 'a 1', 'a 2', 'c 1', 'c 2'])
})

test('an answer cut within a thread continues there', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await relay.post('seen')
  await relay.check('ci')
  await fill(relay, 'a', 3)
  await fill(relay, 'b', 3)
  const first = await relay.check('ci', { limit: 4 })
  expect(places(first.messages)).toEqual(['a 1', 'a 2', 'a 3', 'b 1'])
  expect(first.remaining_count).toBe(2)
  await relay.post('a')
  const second = await relay.check('ci', { limit: 4 })
  expect(places(second.messages)).toEqual(['b 2', 'b 3', 'a 4'])
  expect(second.remaining_count).toBe(0)
})

test('peeking over all threads moves nothing', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await relay.post('a')
  await relay.check('ci')
  await fill(relay, 'a', 2)
  await fill(relay, 'b', 2)
  for (const _ of range(1, 2)) {
    const answer = await relay.check('ci', { peek: true, limit: 3 })
    expect(places(answer.messages)).toEqual(['a 2', 'a 3', 'b 1'])
    expect(answer.remaining_count).toBe(4)
  }
  expect(places(await drain(relay, 'ci'))).toEqual(['a 2', 'a 3', 'b 1', 'b 2'])
})

test('a reader that is up to date gets nothing, and then later messages', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await fill(relay, 'kept', 3)
  await fill(relay, 'thinned', 3)
  await relay.check('ci')
  const nothing = {
    new_message_count: 0,
    messages: [],
    remaining_count: 0,
    own_message_count: 0,
    last_given_at: expect.any(String),
    now: expect.any(String),
  }
  expect(await relay.check('ci')).toEqual(nothing)
  // Deleted before anybody saw it, a message is neither news nor in the way of news.
  await relay.post('thinned', 'secret')
  const owner = await database.connect('postgres')
  await owner.query(`delete from relay_messages where content = 'secret'`)
  expect(await relay.check('ci')).toEqual(nothing)
  await relay.post('kept', 'after')
  expect(places((await relay.check('ci')).messages)).toEqual(['kept 4'])
  expect(await relay.check('ci', { peek: true })).toEqual(nothing)
  expect(await relay.check('ci')).toEqual(nothing)
  await relay.post('thinned', 'at last')
  expect(places((await relay.check('ci')).messages)).toEqual(['thinned 5'])
})

test('checks of one thread and of all threads share the cursor', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await relay.post('a')
  await relay.check('ci')
  await fill(relay, 'a', 4)
  await relay.post('b')
  await relay.check('ci', { thread_name: 'a', limit: 2 })
  expect(places(await drain(relay, 'ci'))).toEqual(['a 4', 'a 5', 'b 1'])
  expect(await relay.check('ci', { thread_name: 'b' })).toMatchObject({ new_message_count: 0 })
})

test('a backlog over many threads is delivered whole', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  const owner = await database.connect('postgres')
  await relay.post('seen')
  await relay.check('ci')
  for (const n of range(1, 50)) {
    await relay.create(`thread ${n}`)
    await bulk(owner, `thread ${n}`, 50)
  }
  const first = await relay.check('ci', { limit: 500 })
  expect(first.new_message_count + first.remaining_count).toBe(2500)
  const all = places([...first.messages, ...(await drain(relay, 'ci', { limit: 500 }))])
  expect(new Set(all).size).toBe(2500)
  expect(all).toHaveLength(2500)
  // Thread by thread, so each in one piece and in order.
  expect(all.filter((place) => place.endsWith(' 1'))).toHaveLength(50)
  for (const name of new Set(all.map((place) => place.replace(/ \d+$/, '')))) {
    const start = all.indexOf(`${name} 1`)
    expect(all.slice(start, start + 50)).toEqual(range(1, 50).map((n) => `${name} ${n}`))
  }
})
