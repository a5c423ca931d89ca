/** relay_read_thread in one thread: windows, filters, and when the reader's cursor moves. */
import { expect, test } from 'vitest'
import { createTestDatabase } from '../../support/database.ts'
import { contents, fill, type Message, range, seqs, type Tools, tools } from './calls.ts'

/** The unread messages after the reading, by the count of a peek. */
async function unread(relay: Tools, reader_tag: string): Promise<number> {
  const answer = await relay.check(reader_tag, { thread_name: 'release', peek: true })
  return answer.remaining_count
}

test('a thread is read newest first, and older_count counts those before', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await fill(relay, 'release', 55)
  const page = await relay.read('release')
  expect(seqs(page.messages)).toEqual(range(6, 55).reverse())
  expect(page).toMatchObject({ older_count: 5, next_before_seq: 6 })
  expect(page).not.toHaveProperty('unread_older_count')
})

test('following next_before_seq gives the whole thread once', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await fill(relay, 'release', 25)
  const read: number[] = []
  for (let before_seq: number | undefined, pages = 0; pages < 5; pages += 1) {
    const page = await relay.read('release', { limit: 10, before_seq })
    read.push(...seqs(page.messages))
    expect(page.older_count).toBe(25 - read.length)
    before_seq = page.next_before_seq
    if (before_seq === undefined) break
  }
  expect(read).toEqual(range(1, 25).reverse())
})

test('before_seq is exclusive, and may lie anywhere', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await fill(relay, 'release', 3)
  const before = async (before_seq: number) => {
    const { messages, older_count } = await relay.read('release', { before_seq, limit: 1 })
    return [seqs(messages), older_count]
  }
  expect(await before(1)).toEqual([[], 0])
  expect(await before(2)).toEqual([[1], 0])
  expect(await before(3)).toEqual([[2], 1])
  expect(await before(1_000)).toEqual([[3], 2])
})

test('an empty thread is an empty page', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await relay.create('empty')
  expect(await relay.read('empty', { reader_tag: 'ci' })).toMatchObject({
    messages: [],
    older_count: 0,
    unread_older_count: 0,
  })
})

test('since is exclusive, to the microsecond', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await fill(relay, 'release', 5)
  const { messages } = await relay.read('release')
  const third: Message = messages[2]
  const after = await relay.read('release', { since: third.created_at })
  expect(seqs(after.messages)).toEqual([5, 4])
  const page = await relay.read('release', { since: third.created_at, limit: 1 })
  expect(page).toMatchObject({ messages: [{ seq: 5 }], has_more: true, next_before_seq: 5 })
  const rest = await relay.read('release', { since: third.created_at, limit: 1, before_seq: 5 })
  expect(seqs(rest.messages)).toEqual([4])
  expect(rest).toHaveProperty('has_more', false)
})

test('from finds the posts of a reader, in one thread and in all, in any spelling of its tag', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await relay.post('release', 'a', { reader_tag: 'laptop-code' })
  await relay.post('release', 'b', { reader_tag: 'phone-chat' })
  await relay.post('other', 'c', { reader_tag: 'laptop-code' })
  await relay.post('other', 'd')
  const found = async (thread: string | null, filter: object) =>
    contents((await relay.read(thread, filter)).messages)
  expect(await found('release', { from: 'laptop-code' })).toEqual(['a'])
  expect(await found(null, { from: 'Laptop Code' })).toEqual(['c', 'a'])
  expect(await found(null, { from: 'unknown' })).toEqual([])
})

test('surface and session_tag filter messages, separately and together', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await relay.post('release', 'a', { surface: 'chat', session_tag: 'phone' })
  await relay.post('release', 'b', { surface: 'code', session_tag: 'phone' })
  await relay.post('release', 'c', { surface: 'code', session_tag: 'laptop' })
  await relay.post('release', 'd', { surface: 'code' })
  const found = async (filter: object) => contents((await relay.read('release', filter)).messages)
  expect(await found({ surface: 'code' })).toEqual(['d', 'c', 'b'])
  expect(await found({ session_tag: 'phone' })).toEqual(['b', 'a'])
  expect(await found({ surface: 'code', session_tag: 'phone' })).toEqual(['b'])
  expect(await found({ surface: 'other' })).toEqual([])
  expect(await found({ surface: 'code', before_seq: 4, query: 'c' })).toEqual(['c'])
})

test('reading the newest messages reads them, if nothing unread is older', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await fill(relay, 'release', 5)
  expect(await relay.read('release', { limit: 5, reader_tag: 'ci' })).toMatchObject({
    unread_older_count: 0,
  })
  expect(await unread(relay, 'ci')).toBe(0)
  await fill(relay, 'release', 3)
  expect(await relay.read('release', { limit: 3, reader_tag: 'ci' })).toMatchObject({
    older_count: 5,
    unread_older_count: 0,
  })
  expect(await unread(relay, 'ci')).toBe(0)
})

test('a window with something unread below it moves no cursor and says how many', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await fill(relay, 'release', 3)
  await relay.check('ci', { thread_name: 'release' })
  await fill(relay, 'release', 10)
  expect(await relay.read('release', { limit: 9, reader_tag: 'ci' })).toMatchObject({
    unread_older_count: 1,
  })
  expect(await unread(relay, 'ci')).toBe(10)
  expect(await relay.read('release', { limit: 10, reader_tag: 'ci' })).toMatchObject({
    unread_older_count: 0,
  })
  expect(await unread(relay, 'ci')).toBe(0)
})

test('a filtered reading moves no cursor', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await relay.post('release', 'a message', { session_tag: 'laptop' })
  for (const filter of [
    { since: '2000-01-01T00:00:00Z' },
    { before_seq: 1_000 },
    { surface: 'code' },
    { session_tag: 'laptop' },
    { query: 'message' },
  ]) {
    const { messages } = await relay.read('release', { ...filter, reader_tag: 'ci' })
    expect(messages).toHaveLength(1)
    expect(await unread(relay, 'ci'), JSON.stringify(filter)).toBe(1)
  }
})

test('reading old messages again moves no cursor back', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await fill(relay, 'release', 5)
  await relay.check('ci', { thread_name: 'release' })
  await relay.read('release', { limit: 2, reader_tag: 'ci' })
  await relay.read('release', { limit: 500, reader_tag: 'ci' })
  expect(await unread(relay, 'ci')).toBe(0)
})

test('a window joins a cursor across deleted messages, which cannot be read', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  const owner = await database.connect('postgres')
  await fill(relay, 'release', 10)
  await relay.check('ci', { thread_name: 'release', limit: 3 })
  await owner.query('delete from relay_messages where seq between 4 and 6')
  expect(await relay.read('release', { limit: 4, reader_tag: 'ci' })).toMatchObject({
    messages: [{ seq: 10 }, { seq: 9 }, { seq: 8 }, { seq: 7 }],
    older_count: 3,
    unread_older_count: 0,
  })
  expect(await unread(relay, 'ci')).toBe(0)
})

test('a window does not join a cursor while one message lies between them', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  const owner = await database.connect('postgres')
  await fill(relay, 'release', 10)
  await relay.check('ci', { thread_name: 'release', limit: 3 })
  await owner.query('delete from relay_messages where seq in (4, 6)')
  expect(await relay.read('release', { limit: 4, reader_tag: 'ci' })).toMatchObject({
    unread_older_count: 1,
  })
  expect(await unread(relay, 'ci')).toBe(5)
})

test('a window cut by the budget joins only with the messages it returned', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  for (let n = 0; n < 4; n += 1) await relay.post('release', 'x'.repeat(25_000))
  expect(await relay.read('release', { reader_tag: 'ci' })).toMatchObject({
    messages: [{ seq: 4 }, { seq: 3 }],
    older_count: 2,
    next_before_seq: 3,
    unread_older_count: 2,
  })
  expect(await unread(relay, 'ci')).toBe(4)
})
