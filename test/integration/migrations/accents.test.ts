/** Searching without accents, and the pages of a search over all threads. */
import { expect, test } from 'vitest'
import { createTestDatabase } from '../../support/database.ts'
import { bulk, contents, names, range, tools } from './calls.ts'

const TEXTS = ['Décision prise à Zürich', 'ångström', 'Nguyễn Văn', 'Đà Nẵng', '日本語', 'naïveté']

test.each([
  ['composed', 'NFC'],
  ['decomposed', 'NFD'],
])('words and parts of words match without accents in %s text, and with them', async (_, form) => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  for (const text of TEXTS) await relay.post('log', text.normalize(form))
  const found: Record<string, string[]> = {
    decision: ['Décision prise à Zürich'],
    'DÉCISION zurich': ['Décision prise à Zürich'],
    'ecisio rich': ['Décision prise à Zürich'],
    angstrom: ['ångström'],
    nguyen: ['Nguyễn Văn'],
    'nang -decision': ['Đà Nẵng'],
    naive: ['naïveté'],
    本: ['日本語'],
    'prise -zurich': [],
  }
  for (const [query, expected] of Object.entries(found)) {
    for (const asked of [query.normalize('NFC'), query.normalize('NFD')]) {
      const { messages } = await relay.read(null, { query: asked })
      expect(
        contents(messages).map((text) => text.normalize('NFC')),
        query,
      ).toEqual(expected)
    }
  }
})

test('beyond the newest messages the index finds words without accents', async () => {
  await using database = await createTestDatabase()
  const [relay, owner] = [tools(database), await database.connect('postgres')]
  await relay.post('long', 'Entscheidung für Zürich')
  await bulk(owner, 'long', 1100)
  for (const query of ['zurich', 'ZÜRICH', 'fur zürich']) {
    const { messages } = await relay.read('long', { query })
    expect(contents(messages), query).toEqual(['Entscheidung für Zürich'])
  }
})

test('a list finds names and descriptions without accents', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await relay.create('Rückstand')
  await relay.create('plan', { description: 'Décisions' })
  expect(names((await relay.list({ query: 'ruckst' })).threads)).toEqual(['Rückstand'])
  expect(names((await relay.list({ query: 'DECISION' })).threads)).toEqual(['plan'])
})

test('100,000 combining marks are posted and searched in a moment', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  // Uncut, PostgreSQL would normalize them for a minute, and end the statement.
  const owner = await database.connect('postgres')
  await owner.query(`set statement_timeout = '5s'`)
  await relay.post('marks', `needle ${'\u0301'.repeat(90_000)}`)
  await owner.query(`select relay.without_accents(content) from relay_messages`)
  expect((await relay.read('marks', { query: 'needle' })).messages).toHaveLength(1)
})

test('before leads through a search over all threads, each message once, while others post', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  for (const n of range(1, 25)) await relay.post(`thread ${n % 4}`, `needle ${n}`)
  const found: string[] = []
  let before: string | undefined
  do {
    const page = await relay.read(null, { query: 'needle', limit: 10, ...(before && { before }) })
    found.push(...contents(page.messages))
    before = page.next_before
    expect(page.has_more).toBe(before !== undefined)
    await relay.post('thread 1', 'a later needle')
  } while (before)
  expect(found).toEqual(range(1, 25).map((n) => `needle ${26 - n}`))
})

test('an answer cut by size says how many messages there would be, and how to get the rest', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  for (const n of range(1, 20)) await relay.post('a', `${n} ${'x'.repeat(3000)}`)
  const args = { lean: true, max_bytes: 32_000 }
  const found = await relay.read(null, { ...args, query: 'xxx' })
  expect(found).toMatchObject({ uncut_count: 20, has_more: true })
  const rest = await relay.read(null, { ...args, query: 'xxx', before: found.next_before })
  expect(found.messages.length + rest.messages.length).toBe(20)
  const check = await relay.check('me', args)
  expect(check).toMatchObject({
    uncut_count: 20,
    new_message_count: check.messages.length,
    remaining_count: 20 - check.messages.length,
  })
  expect(await relay.read('a', { ...args, limit: 3 })).not.toHaveProperty('uncut_count')
})
