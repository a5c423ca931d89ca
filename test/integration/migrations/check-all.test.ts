/** relay_check_new over all threads: which ones, in what order, and a reader's introduction. */
import { expect, test } from 'vitest'
import { createTestDatabase } from '../../support/database.ts'
import { bulk, drain, fill, type Message, range, tools } from './calls.ts'

const places = (messages: Message[]) => messages.map((m) => `${m.thread_name} ${m.seq}`)

test('a new reader gets the newest 20 messages, starts there, and is told so', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await fill(relay, 'old', 30)
  await fill(relay, 'new', 15)
  const answer = await relay.check('ci')
  expect(places(answer.messages)).toEqual([
    ...range(26, 30).map((n) => `old ${n}`),
    ...range(1, 15).map((n) => `new ${n}`),
  ])
  expect(answer).toMatchObject({ new_message_count: 20, remaining_count: 0, new_reader: true })
  const next = await relay.check('ci')
  expect(next).toMatchObject({ new_message_count: 0, remaining_count: 0 })
  expect(next).not.toHaveProperty('new_reader')
})

test('after the introduction everything is delivered, also of threads opened since', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await fill(relay, 'old', 3)
  await relay.create('empty')
  await relay.check('ci', { limit: 1 })
  await fill(relay, 'opened since', 25)
  await relay.post('empty')
  await relay.post('old')
  expect(places(await drain(relay, 'ci', { limit: 7 }))).toEqual([
    ...range(1, 25).map((n) => `opened since ${n}`),
    'empty 1',
    'old 4',
  ])
})

test('an introduction shows at most limit messages, the newest', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await fill(relay, 'log', 30)
  const answer = await relay.check('ci', { limit: 3 })
  expect(places(answer.messages)).toEqual(['log 28', 'log 29', 'log 30'])
  expect(answer.remaining_count).toBe(0)
})

test('an introduction cut by the budget shows the newest', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  for (const _ of range(1, 5)) await relay.post('log', 'x'.repeat(25_000))
  const answer = await relay.check('ci')
  expect(places(answer.messages)).toEqual(['log 4', 'log 5'])
  expect(await relay.check('ci')).toMatchObject({ new_message_count: 0 })
})

test('where there is no message nobody is introduced', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await relay.create('empty')
  expect(await relay.check('ci')).toMatchObject({ new_message_count: 0, remaining_count: 0 })
  await fill(relay, 'empty', 25)
  expect(await relay.check('ci')).toMatchObject({ new_message_count: 20, new_reader: true })
})

test('a peek introduces nobody', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await fill(relay, 'log', 3)
  for (const _ of range(1, 2)) {
    expect(await relay.check('ci', { peek: true })).toMatchObject({
      new_message_count: 3,
      remaining_count: 3,
      new_reader: true,
    })
  }
  expect(await relay.check('ci')).toMatchObject({ new_message_count: 3, new_reader: true })
})

test('threads come one after the other, the least recently active first', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await relay.post('seen')
  await relay.check('ci')
  for (const thread of ['c', 'a', 'b', 'a', 'c']) await relay.post(thread)
  const answer = await relay.check('ci')
  expect(places(answer.messages)).toEqual(['b 1', 'a 1', 'a 2', 'c 1', 'c 2'])
})

test('a cut within a thread goes on where it stopped', async () => {
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

test('who has read everything is told so, and of whatever comes next', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await fill(relay, 'kept', 3)
  await fill(relay, 'thinned', 3)
  await relay.check('ci')
  const nothing = { new_message_count: 0, messages: [], remaining_count: 0 }
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

test('an archived thread counts where this reader has been, and nowhere else', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await fill(relay, 'been', 3)
  await relay.check('ci', { thread_name: 'been', limit: 1 })
  await fill(relay, 'not been', 2)
  await relay.archive('been')
  await relay.archive('not been')
  expect(places(await drain(relay, 'ci'))).toEqual(['been 2', 'been 3'])
  await relay.post('not been')
  expect(places(await drain(relay, 'ci'))).toEqual(['not been 1', 'not been 2', 'not been 3'])
})

test('archived threads are no part of an introduction, and what comes later in them is new', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await fill(relay, 'archived', 3)
  await relay.archive('archived')
  await relay.post('active')
  expect(places((await relay.check('ci')).messages)).toEqual(['active 1'])
  await relay.post('archived')
  expect(places(await drain(relay, 'ci'))).toEqual(['archived 4'])
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

test('whoever has lost all cursors by deletion is new again', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  const owner = await database.connect('postgres')
  await fill(relay, 'a', 2)
  await relay.check('ci')
  await owner.query('delete from relay_threads')
  await relay.post('b')
  expect(await relay.check('ci')).toMatchObject({ new_message_count: 1, new_reader: true })
})
