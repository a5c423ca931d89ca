/** relay_list_threads: order, filters and counts. */
import { expect, test } from 'vitest'
import { createTestDatabase } from '../../support/database.ts'
import { fill, names, range, tools } from './calls.ts'

test('threads are listed by latest activity, which for one without messages is its creation', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await relay.create('first')
  await relay.create('second')
  await relay.post('first')
  await relay.create('third')
  const { threads } = await relay.list()
  expect(names(threads)).toEqual(['third', 'first', 'second'])
  expect(threads[0].last_message_at).toBeNull()
})

test('a thread is listed with its counts and without internal fields', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  const { id } = await relay.create('release', { description: 'What ships.' })
  await relay.post('release')
  const { created_at } = await relay.post('release')
  expect(await relay.list()).toEqual({
    threads: [
      {
        id,
        name: 'release',
        description: 'What ships.',
        last_message_at: created_at,
        archived: false,
        message_count: 2,
      },
    ],
    remaining_count: 0,
    readers: [],
  })
})

test('an empty relay has an empty list', async () => {
  await using database = await createTestDatabase()
  expect(await tools(database).list({ reader_tag: 'a' })).toEqual({
    threads: [],
    remaining_count: 0,
    readers: [],
    known_readers: [],
    new_reader: true,
  })
})

test('archived threads are listed only when asked for', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await relay.post('open')
  await relay.post('closed')
  await relay.archive('closed')
  expect(names((await relay.list()).threads)).toEqual(['open'])
  const { threads } = await relay.list({ include_archived: true })
  expect(threads).toMatchObject([
    { name: 'closed', archived: true },
    { name: 'open', archived: false },
  ])
})

test('unread_count counts the messages of each thread that this reader has not read', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await fill(relay, 'read', 3)
  await relay.create('empty')
  await fill(relay, 'partly', 5)
  await relay.check('ci', { thread_name: 'read' })
  await relay.check('ci', { thread_name: 'partly', limit: 2 })
  await relay.check('ci', { limit: 1 })
  await fill(relay, 'never', 4)
  const { threads } = await relay.list({ reader_tag: 'ci' })
  expect(
    threads.map((t: { name: string; unread_count: number }) => [t.name, t.unread_count]),
  ).toEqual([
    ['never', 4],
    ['partly', 2],
    ['empty', 0],
    ['read', 0],
  ])
  // The unread messages of a reader that has not been introduced are unknown.
  const others = await relay.list({ reader_tag: 'someone else' })
  for (const thread of others.threads) expect(thread).not.toHaveProperty('unread_count')
})

test('a query is part of a name or a description, in any case', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await relay.create('Auth-Migration')
  await relay.create('other', { description: 'about the MIGRATION of data' })
  await relay.create('l’ÉCOLE')
  await relay.create('unrelated')
  expect(names((await relay.list({ query: 'migration' })).threads)).toEqual([
    'other',
    'Auth-Migration',
  ])
  expect(names((await relay.list({ query: 'école' })).threads)).toEqual(['l’ÉCOLE'])
})

test('a query finds the characters that patterns are made of as they are', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  const found = { '%': '100% done', _: 'snake_case', '\\': 'back\\slash', "'": "quote's" }
  await relay.create('plain')
  for (const name of Object.values(found)) await relay.create(name)
  for (const [query, name] of Object.entries(found)) {
    expect(names((await relay.list({ query })).threads), query).toEqual([name])
  }
})

test('limit cuts the list, and remaining_count says how many more match', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  for (const name of ['job 1', 'job 2', 'job 3', 'task', 'job 4']) await relay.create(name)
  await relay.archive('job 3')
  expect(await relay.list({ limit: 2 })).toMatchObject({
    threads: [{ name: 'job 4' }, { name: 'task' }],
    remaining_count: 2,
  })
  expect(await relay.list({ limit: 1, query: 'job' })).toMatchObject({ remaining_count: 2 })
  expect(await relay.list({ limit: 1, query: 'job', include_archived: true })).toMatchObject({
    remaining_count: 3,
  })
  expect(await relay.list({ limit: 4 })).toMatchObject({ remaining_count: 0 })
})

test('remaining_count agrees with the threads returned, whatever is archived meanwhile', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  for (const n of range(1, 2)) await relay.create(`kept ${n}`)
  for (const n of range(1, 30)) await relay.create(`coming and going ${n}`)
  const owner = await database.connect('postgres')
  let isDone = false
  const toggle = async () => {
    for (let n = 0; n < 300; n += 1) {
      await owner.query(`update relay_threads set archived = not archived where name like 'c%'`)
    }
    isDone = true
  }
  const seen = new Set<number>()
  const look = async () => {
    while (!isDone) seen.add((await relay.list({ limit: 5 })).remaining_count)
  }
  await Promise.all([toggle(), look(), look(), look()])
  for (const remaining of seen) expect([0, 27]).toContain(remaining)
})

test('the threads of another user are not there', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  const other = tools(database, 'aaaaaaaa-0000-4000-8000-000000000000')
  await relay.post('private')
  expect(await other.list({ include_archived: true })).toMatchObject({ threads: [] })
  await expect(other.read('private')).rejects.toMatchObject({ code: 'RL001', hint: '[]' })
  await other.post('private')
  expect(await relay.read('private')).toMatchObject({ messages: [{ seq: 1 }], older_count: 0 })
  expect(await other.check('ci')).toMatchObject({ new_message_count: 1 })
  expect(await relay.check('ci')).toMatchObject({ new_message_count: 1, new_reader: true })
})
