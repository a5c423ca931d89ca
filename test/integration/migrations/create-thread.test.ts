/** relay_create_thread: names, and when one is taken. */
import { expect, test } from 'vitest'
import { createTestDatabase } from '../../support/database.ts'
import { names, tools, USER } from './calls.ts'

/** What JavaScript's trim() removes. */
const WHITE_SPACE =
  ' \t\n\v\f\r\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a' +
  '\u2028\u2029\u202f\u205f\u3000\ufeff'

test('a thread is created under its trimmed name', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  const created = await relay.create(`${WHITE_SPACE}two  words${WHITE_SPACE}`)
  expect(`${WHITE_SPACE}two  words${WHITE_SPACE}`.trim()).toBe('two  words')
  expect(created).toEqual({
    id: expect.any(String),
    name: 'two  words',
    created_at: expect.stringMatching(/\+00:00$/),
  })
})

test('an odd name is kept as it is', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  const odd = ['a,b', 'x"y', '..', '👩‍💻', '%', "'; drop table relay_threads; --", 'Ünï/cödé', '{}']
  for (const name of odd) {
    await relay.create(name)
    await relay.post(name, `in ${name}`)
  }
  for (const name of odd) {
    expect(await relay.read(name)).toMatchObject({ messages: [{ seq: 1, content: `in ${name}` }] })
  }
  expect(names((await relay.list()).threads)).toEqual(odd.toReversed())
})

test('a name that is taken is refused, and the refusal says whether it is archived', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await relay.create('done')
  for (const name of ['done', ' done\n']) {
    await expect(relay.create(name)).rejects.toMatchObject({ code: 'RL002', detail: 'active' })
  }
  await relay.archive('done')
  for (const name of ['done', ' done\n']) {
    await expect(relay.create(name)).rejects.toMatchObject({ code: 'RL002', detail: 'archived' })
  }
  expect((await relay.list({ include_archived: true })).threads).toHaveLength(1)
})

test('names that differ in case are two threads', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await relay.create('Release')
  await relay.create('release')
  expect((await relay.list()).threads).toHaveLength(2)
})

test('an untrimmed name of 0.1.0 is found as given, and does not take the trimmed one', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  const owner = await database.connect('postgres')
  await owner.query('insert into relay_threads (user_id, name) values ($1, $2)', [USER, ' old '])
  await expect(relay.create(' old ')).rejects.toMatchObject({ code: 'RL002' })
  await relay.post(' old ', 'untrimmed')
  await relay.create('old')
  await relay.post('old', 'trimmed')
  expect(await relay.read(' old ')).toMatchObject({ messages: [{ content: 'untrimmed' }] })
  expect(await relay.read('old')).toMatchObject({ messages: [{ content: 'trimmed' }] })
  expect(await relay.read('old  ')).toMatchObject({ messages: [{ content: 'trimmed' }] })
})
