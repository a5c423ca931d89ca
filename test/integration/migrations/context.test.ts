/** relay_page_threads and relay_complete_name: order, pages, and whose threads they are. */
import { expect, test } from 'vitest'
import { createTestDatabase } from '../../support/database.ts'
import { names, tools, USER } from './calls.ts'

const OTHER = 'aaaaaaaa-0000-4000-8000-000000000000'

interface Listed {
  name: string
  active_at: string
  id: string
}

test('pages follow one another in the order of the list, threads of one moment included', async () => {
  await using database = await createTestDatabase()
  const owner = await database.connect('postgres')
  await owner.query(
    `insert into relay_threads (user_id, name, created_at)
    select $1, n::text, timestamptz '2026-01-01 00:00:00.000001Z' + (n / 4) * interval '1 us'
    from generate_series(1, 23) n`,
    [USER],
  )
  const relay = tools(database)
  const paged: Listed[] = []
  for (;;) {
    const last = paged.at(-1)
    const page = await relay.page(5, last && { active_at: last.active_at, id: last.id })
    if (page.length === 0) break
    paged.push(...page)
  }
  expect(names(paged)).toEqual(names((await relay.list({ limit: 100 })).threads))
})

test('a page has the fields of a list, and no archived thread', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  const { id } = await relay.create('a', { description: `${'🚀'.repeat(200)}x` })
  await relay.post('b')
  await relay.archive('b')
  expect(await relay.page(5)).toEqual([
    {
      id,
      name: 'a',
      description: '🚀'.repeat(200),
      last_message_at: null,
      active_at: expect.stringMatching(/\+00:00$/),
    },
  ])
})

test('names are completed up to a limit, and all are counted', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  for (const name of ['École', 'l’école', 'other']) await relay.create(name)
  expect(await relay.complete('éc')).toEqual({ values: ['École', 'l’école'], total: 2 })
  expect(await relay.complete('éc', { limit: 1 })).toEqual({ values: ['École'], total: 2 })
  expect(await relay.complete('x')).toEqual({ values: [], total: 0 })
})

test('the threads of another user are neither listed nor completed', async () => {
  await using database = await createTestDatabase()
  await tools(database).create('private')
  const other = tools(database, OTHER)
  expect(await other.page(5)).toEqual([])
  expect(await other.complete('')).toEqual({ values: [], total: 0 })
})
