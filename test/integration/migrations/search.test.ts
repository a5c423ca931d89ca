/** Searching: words, parts of words, operators, and matches beyond the newest 1,000 messages. */
import { expect, test } from 'vitest'
import { createTestDatabase } from '../../support/database.ts'
import { bulk, contents, type Message, over, seqs, tools } from './calls.ts'

const TEXTS = [
  'The quick brown fox',
  'call getUserById(id) in auth_service.ts',
  'これは日本語のテキストです',
  'brown paper, quick delivery',
  'À L’ÉCOLE DES FEMMES',
  'use the x-request-id header, or v1.2.3',
  'fox -brown literally',
  'running tests ran',
]

const FOUND: Record<string, number[]> = {
  brown: [7, 4, 1],
  'quick BROWN': [4, 1],
  '"quick brown"': [1],
  'quick -fox': [4],
  'delivery or running': [8, 4],
  'delivery OR running': [8, 4],
  'paper,': [4],
  runs: [],
  nowhere: [],
  q_ick: [],
  'q%ick': [],
  // Parts of identifiers.
  UserBy: [2],
  'user service': [2],
  auth_service: [2],
  'service.ts': [2],
  'getUserById(id)': [2],
  'x-request-id': [6],
  'quest-id v1': [6],
  '1.2.3': [6],
  // Text without spaces, and letters that have accents.
  日本: [3],
  '"日本"': [3],
  '日本 -draft': [3],
  'UserBy -draft': [2],
  'UserBy -getuser': [],
  'fox -brown': [],
  'テキスト 日本語': [3],
  école: [5],
}

test('a query finds words, parts of words and phrases, in one thread and in all', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  for (const text of TEXTS) await relay.post('log', text)
  for (const thread of ['log', null]) {
    const found: Record<string, number[]> = {}
    for (const query of Object.keys(FOUND)) {
      found[query] = seqs((await relay.read(thread, { query })).messages)
    }
    expect(found).toEqual(FOUND)
  }
})

test('a query without a search term is refused', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await relay.post('log', 'fox')
  for (const query of ['-fox', '', ' ', '()', '-quick -brown', '-"quick brown"']) {
    await expect(relay.read('log', { query }), query).rejects.toMatchObject({ code: 'RL005' })
    await expect(relay.read(null, { query }), query).rejects.toMatchObject({ code: 'RL005' })
  }
})

test('a query without a word finds literal text', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await relay.post('log', `a => b !!! 🎉 && "it's" \\o/ 100% --flag`)
  await relay.post('log', 'fox')
  for (const query of ['"', '!!!', '🎉', "'", '\\', '&&', '=>', '->', '%', '--']) {
    const expected = query === '->' ? [] : [1]
    expect(seqs((await relay.read('log', { query })).messages), query).toEqual(expected)
    expect(seqs((await relay.read(null, { query })).messages), query).toEqual(expected)
  }
})

test('messages with any of the words are returned when none has all of them', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await relay.post('log', 'the invoice of May')
  await relay.post('log', 'the backfill of June')
  await relay.post('other', 'the invoice of June')
  const answer = await relay.read(null, { query: 'invoice backfill zebra quagga' })
  expect(answer).toMatchObject({
    matched: 'any',
    missing_words: ['zebra', 'quagga'],
    has_more: false,
    threads: [
      { thread_name: 'log', hits: 2 },
      { thread_name: 'other', hits: 1 },
    ],
  })
  expect(answer.messages).toHaveLength(3)
  const without = await relay.read('log', { query: 'invoice zebra -May' })
  expect(without).toMatchObject({ messages: [], has_more: false })
  expect(without).not.toHaveProperty('matched')
  expect(await relay.read('log', { query: 'zebra quagga' })).not.toHaveProperty('missing_words')
})

test('hits are all that match, or a minimum where more messages match than are returned', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  const owner = await database.connect('postgres')
  await relay.create('log')
  await bulk(owner, 'log', 400, `'needle'`)
  await bulk(owner, 'log', 940, `'hay'`)
  await bulk(owner, 'log', 60, `'needle'`)
  const search = (limit: number) => relay.read(null, { query: 'needle', limit, max_bytes: 500_000 })
  // The newest 1,000 messages were enough.
  expect(await search(50)).toMatchObject({ has_more: true, threads: [{ hits: 60 }] })
  expect(await search(100)).toMatchObject({ has_more: true, threads: [{ hits: 460 }] })
  expect(await search(500)).toMatchObject({ has_more: false, threads: [{ hits: 460 }] })
})

test('a word is not missing if it is part of one in the newest messages', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  const owner = await database.connect('postgres')
  await relay.create('log')
  await bulk(owner, 'log', 1, `'call getPartById'`)
  await bulk(owner, 'log', 997, `'hay'`)
  await relay.post('log', 'the invoice of May')
  await relay.post('log', 'call getUserById')
  await relay.post('log', 'more hay')
  for (const thread of ['log', null]) {
    const missing = async (query: string) => (await relay.read(thread, { query })).missing_words
    expect(await missing('invoice USERBY zebra')).toEqual(['zebra'])
    expect(await missing('invoice "user byid" serById')).toEqual(['user byid'])
    expect(await missing('invoice userBy')).toBeUndefined()
    // Beyond the newest 1,000 only whole words are found.
    expect(await missing('invoice PartBy getPartById')).toEqual(['PartBy'])
  }
})

test('a search over all threads counts the hits of each', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  const owner = await database.connect('postgres')
  for (const [name, count] of [
    ['many', 1500],
    ['few', 3],
  ] as const) {
    await relay.create(name)
    await bulk(owner, name, count, `'needle ' || n`)
  }
  const { threads, has_more } = await relay.read(null, { query: 'needle', limit: 2 })
  expect(has_more).toBe(true)
  expect(threads).toEqual([
    { thread_name: 'many', hits: 997 },
    { thread_name: 'few', hits: 3 },
  ])
})

test('every filter searches all threads without a query', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await relay.post('one', 'a', { surface: 'chat', session_tag: 'phone' })
  const { created_at } = await relay.post('two', 'b', { to: 'ci' })
  await relay.post('two', 'c', { surface: 'cowork' })
  await relay.archive('one')
  const found = async (filter: object) => contents((await relay.read(null, filter)).messages)
  expect(await found({ surface: 'chat' })).toEqual(['a'])
  expect(await found({ session_tag: 'phone' })).toEqual(['a'])
  expect(await found({ since: created_at })).toEqual(['c'])
  expect(await found({ to: 'ci' })).toEqual(['b'])
  expect(await found({ to: 'ci', surface: 'chat' })).toEqual([])
})

test('the literal part takes at most 8 terms, 1,000 messages and 5 MB; whole words are found beyond', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  const owner = await database.connect('postgres')
  await relay.post('log', 'subneedles needle 1')
  await relay.create('big')
  await bulk(owner, 'big', 60, `repeat('hay ', 25000)`)
  const found = async (query: string) => seqs((await relay.read(null, { query })).messages)
  expect(await found('needle')).toEqual([1])
  expect(await found('needles')).toEqual([])
  await relay.post('log', 'subneedles a b c d e f g h')
  expect(await found('needles a b c d e f g')).toEqual([2])
  expect((await relay.read(null, { query: 'needles a b c d e f g h' })).matched).toBe('any')
})

test('an excessive query is answered or refused, never a fault', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await relay.post('log', 'fox')
  expect(await relay.read('log', { query: 'é'.repeat(5000) })).toMatchObject({ messages: [] })
  for (const query of ['fox '.repeat(2000), `fox ${'x'.repeat(3000)}`]) {
    expect(seqs((await relay.read('log', { query })).messages)).toEqual([1])
  }
})

test('a search over all threads names them, newest first, archived ones too', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await relay.post('one', 'needle a')
  await relay.post('two', 'needle b')
  await relay.post('two', 'hay')
  await relay.post('one', 'needle c')
  await relay.archive('two')
  const { messages } = await relay.read(null, { query: 'needle' })
  expect(messages.map((m: Message) => [m.thread_name, m.content])).toEqual([
    ['one', 'needle c'],
    ['two', 'needle b'],
    ['one', 'needle a'],
  ])
  const other = tools(database, 'aaaaaaaa-0000-4000-8000-000000000000')
  expect(await other.read(null, { query: 'needle' })).toEqual({ messages: [], has_more: false })
})

test('a search says that there is more and how to get it', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  for (const text of ['needle 1', 'hay', 'needle 2', 'hay', 'needle 3']) {
    await relay.post('log', text)
  }
  const first = await relay.read('log', { query: 'needle', limit: 2 })
  expect(first).toMatchObject({ has_more: true, next_before_seq: 3 })
  expect(contents(first.messages)).toEqual(['needle 3', 'needle 2'])
  const rest = await relay.read('log', { query: 'needle', limit: 2, before_seq: 3 })
  expect(contents(rest.messages)).toEqual(['needle 1'])
  expect(rest).toHaveProperty('has_more', false)
  expect(await relay.read(null, { query: 'needle', limit: 2 })).toHaveProperty('has_more', true)
  expect(await relay.read(null, { query: 'needle', limit: 3 })).toHaveProperty('has_more', false)
})

test('filters narrow a search', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await relay.post('log', 'needle 1', { surface: 'chat', session_tag: 'phone' })
  const { created_at } = await relay.post('log', 'needle 2', { session_tag: 'phone' })
  await relay.post('log', 'needle 3', { session_tag: 'laptop' })
  for (const thread of ['log', null]) {
    const found = async (filter: object) =>
      seqs((await relay.read(thread, { query: 'needle', ...filter })).messages)
    expect(await found({ surface: 'code' })).toEqual([3, 2])
    expect(await found({ session_tag: 'phone' })).toEqual([2, 1])
    expect(await found({ since: created_at })).toEqual([3])
    expect(await found({ surface: 'chat', session_tag: 'laptop' })).toEqual([])
  }
})

test('words are found beyond the newest 1,000 messages, once and in order', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  const owner = await database.connect('postgres')
  await relay.create('long')
  const content = `case n % 400 when 0 then 'needle ' || n when 1 then 'subneedles' else 'hay' end`
  await bulk(owner, 'long', 2500, content)
  for (const thread of ['long', null]) {
    const found = async (args: object) => seqs((await relay.read(thread, args)).messages)
    // Words everywhere, parts of words among the newest 1,000 (1,501 ... 2,500).
    expect(await found({ query: 'needle' })).toEqual([
      2401, 2400, 2001, 2000, 1601, 1600, 1200, 800, 400,
    ])
    expect(await found({ query: 'needle', limit: 7 })).toEqual([
      2401, 2400, 2001, 2000, 1601, 1600, 1200,
    ])
    expect(await found({ query: '"needle 800"' })).toEqual([800])
    expect(await found({ query: 'needle -400 -hay', limit: 1, before_seq: 801 })).toEqual([800])
  }
})

test('a text redacted by hand is no longer found by its old words', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  const owner = await database.connect('postgres')
  await relay.post('log', 'password hunter2')
  await owner.query(`update relay_messages set content = '[removed]'`)
  expect(await relay.read('log', { query: 'hunter2' })).toMatchObject({ messages: [] })
  expect(await relay.read('log', { query: 'removed' })).toMatchObject({ messages: [{ seq: 1 }] })
})

test.each(['<!--', 'a_', '_a', 'some_name_', 'a-b_', 'a.b/c@', '1e+', '日本_'])(
  '100,000 characters of %j are posted and found in the time of any other message',
  async (unit) => {
    await using database = await createTestDatabase()
    const connection = await database.connect()
    await connection.query("set statement_timeout = '3s'")
    const relay = tools(over(connection))
    const content = unit.repeat(100_000).slice(0, 99_990)
    await relay.post('log', `${content} zebrafish`)
    expect(seqs((await relay.read('log', { query: 'zebrafish' })).messages)).toEqual([1])
  },
)
