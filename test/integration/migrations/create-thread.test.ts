/** relay_create_thread: names, and when one is taken. */
import { expect, test } from 'vitest'
import { createTestDatabase } from '../../support/database.ts'
import { names, over, tools, USER } from './calls.ts'

/** The characters that JavaScript's trim() removes. */
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
  const refusal = async (name: string) => {
    const error = await relay.create(name).catch((thrown) => thrown)
    expect(error).toMatchObject({ code: 'RL002' })
    return JSON.parse(error.detail)
  }
  for (const name of ['done', ' done\n', 'DONE']) {
    expect(await refusal(name)).toEqual({ name: 'done', archived: false })
  }
  await relay.archive('done')
  for (const name of ['done', ' done\n', 'Done']) {
    expect(await refusal(name)).toEqual({ name: 'done', archived: true })
  }
  expect((await relay.list({ include_archived: true })).threads).toHaveLength(1)
})

test('a name that differs only by case, spaces, hyphens or underscores is taken', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await relay.create('Release Notes')
  for (const name of ['release notes', 'release-notes', 'RELEASE_NOTES', 'release  -  notes']) {
    await expect(relay.create(name), name).rejects.toMatchObject({ code: 'RL002' })
  }
  await relay.create('releasenotes')
  expect(names((await relay.list()).threads)).toEqual(['releasenotes', 'Release Notes'])
})

test('names that 0.1.0 kept apart stay apart, and are found as given', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  const owner = await database.connect('postgres')
  for (const name of [' old ', 'old', 'Old']) {
    await owner.query('insert into relay_threads (user_id, name) values ($1, $2)', [USER, name])
    await relay.post(name, `in "${name}"`)
  }
  for (const name of [' old ', 'old', 'Old']) {
    expect(await relay.read(name)).toMatchObject({ messages: [{ content: `in "${name}"` }] })
  }
  expect(await relay.read('old  ')).toMatchObject({ messages: [{ content: 'in "old"' }] })
  const error = await relay.read('OLD').catch((thrown) => thrown)
  expect(error).toMatchObject({ code: 'RL009' })
  expect(JSON.parse(error.detail).toSorted()).toEqual([' old ', 'Old', 'old'])
})

test('a name in another Unicode form, or written by 0.1.0 in one, is the same name', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  const owner = await database.connect('postgres')
  await owner.query('insert into relay_threads (user_id, name) values ($1, $2)', [
    USER,
    'cafe\u0301',
  ])
  expect(await relay.post('caf\u00e9')).toMatchObject({ thread_name: 'cafe\u0301', seq: 1 })
})

test('finding and opening a thread reads a few rows, however many threads there are', async () => {
  await using database = await createTestDatabase()
  const [owner, connection] = [await database.connect('postgres'), await database.connect()]
  await owner.query(
    `insert into relay_threads (user_id, name) select $1, 'thread ' || n from generate_series(1, 5000) n`,
    [USER],
  )
  const relay = tools(over(connection))
  // Rows of threads that this connection has read: within one transaction, or they are flushed.
  await connection.query('begin')
  const countRead = async () => {
    const { rows } = await connection.query(
      `select coalesce(sum(seq_tup_read + idx_tup_fetch), 0)::int as read
      from pg_stat_xact_user_tables where relname = 'relay_threads'`,
    )
    return rows[0].read as number
  }
  for (const [what, call] of Object.entries({
    'create a new one': () => relay.create('new'),
    'post to a missing one': () => relay.post('missing'),
    'post to the last one': () => relay.post('thread 5000'),
    'read the last one': () => relay.read('thread 5000'),
    'read it in another spelling': () => relay.read('Thread_5000'),
    'check it': () => relay.check('ci', { thread_name: 'thread 5000' }),
    'archive it': () => relay.archive('thread 5000'),
  })) {
    const before = await countRead()
    await call()
    // A new thread is compared with the latest names; everything else needs a row or two.
    const limit = what === 'post to a missing one' ? 6000 : 20
    expect((await countRead()) - before, what).toBeLessThan(limit)
  }
})
