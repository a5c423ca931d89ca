/** Which readers a caller may make, and whose bookmarks it may move. */
import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { createTestDatabase } from '../../support/database.ts'
import { fill, seqs, type Tools, together, tools } from './calls.ts'

const OWNER = { gid: 'key', kind: 'key', scope: 'mcp' }
const GUEST = { gid: 'guest', kind: 'oauth', client: 'Guest', scope: 'mcp:read' }

/** Checks under `count` new tags, one after the other; how many are refused. */
async function makeReaders(relay: Tools, count: number, caller: object): Promise<number> {
  let refused = 0
  for (let n = 0; n < count; n += 1) {
    const args = { caller, thread_name: 'a' }
    await relay.check(`reader ${randomUUID()}`, args).catch((error) => {
      if (error.code !== 'RL012') throw error
      refused += 1
    })
  }
  return refused
}

const countReaders = async (relay: Tools) => (await relay.status()).reader_count

test.each([
  ['that may only read', GUEST, 10],
  ['with the key', OWNER, 60],
])('a caller %s makes only so many readers in an hour', async (_, caller, limit) => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await fill(relay, 'a', 2)
  expect(await makeReaders(relay, limit + 3, caller)).toBe(3)
  expect(await countReaders(relay)).toBe(limit)
  // Those that it has made can still be used, and others can make theirs.
  const another = { ...caller, gid: 'another' }
  expect(await relay.check('mine', { caller: another })).toMatchObject({ new_message_count: 2 })
  const refusal = await relay.check('one more', { caller }).catch((error) => error)
  expect(Date.parse(refusal.detail)).toBeGreaterThan(Date.now())

  const owner = await database.connect('postgres')
  await owner.query(`update relay_readers set created_at = created_at - interval '61 minutes'`)
  expect(await relay.check('one more', { caller })).toMatchObject({ new_message_count: 2 })
})

test('readers made at the same time are all counted', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await fill(relay, 'a', 2)
  await together(30, (n) => relay.check(`flood ${n}`, { caller: GUEST }).catch(() => {}))
  expect(await countReaders(relay)).toBe(10)
  const owner = await database.connect('postgres')
  const { rows } = await owner.query(
    'select count(distinct reader_tag)::int from relay_read_cursors',
  )
  expect(rows).toEqual([{ count: 10 }])
})

test('above the limit, calls that need no new reader are not refused', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await fill(relay, 'a', 2)
  await makeReaders(relay, 60, OWNER)
  const posted = await relay.post('a', 'x', { reader_tag: 'one more', caller: OWNER })
  expect(posted).toMatchObject({ seq: 3 })
  expect(posted).not.toHaveProperty('new_reader')
  const { messages } = await relay.read('a', { reader_tag: 'one more', caller: OWNER, lean: true })
  expect(messages[0]).toMatchObject({ from: 'one more' })
  await relay.list({ reader_tag: 'one more', caller: OWNER })
  expect(await countReaders(relay)).toBe(60)
  // The person is not kept out by sessions that came first.
  expect(await relay.check('board', { caller: OWNER })).toMatchObject({ new_reader: true })
})

test('readers that an upgrade, an import or 0.1.0 made are not counted', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await fill(relay, 'a', 2)
  const owner = await database.connect('postgres')
  await owner.query(
    `insert into relay_read_cursors (thread_id, user_id, reader_tag, last_read_at)
    select id, user_id, 'old ' || n, now() from relay_threads, generate_series(1, 70) n`,
  )
  expect(await relay.check('mine', { caller: GUEST })).toMatchObject({ new_reader: true })
})

test('a caller that may only read moves no bookmark of another', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await fill(relay, 'a', 3)
  await relay.check('laptop', { caller: OWNER })
  await relay.post('a', 'for the laptop', { to: 'laptop', caller: OWNER })
  const owner = await database.connect('postgres')
  const readers = async () => {
    const { rows } = await owner.query('select * from relay_readers order by reader_tag')
    const cursors = await owner.query('select * from relay_read_cursors order by reader_tag')
    return [rows, cursors.rows]
  }
  await owner.query(`update relay_readers set last_seen_at = last_seen_at - interval '1 hour'`)
  const before = await readers()

  for (const args of [{}, { thread_name: 'a' }, { thread_name: 'a', ack_seq: 4, peek: true }]) {
    await expect(relay.check('laptop', { ...args, caller: GUEST })).rejects.toMatchObject({
      code: 'RL011',
    })
  }
  // Looking marks nothing, and does not make the reader appear to be there.
  const peek = await relay.check('laptop', { peek: true, caller: GUEST })
  expect(seqs(peek.messages)).toEqual([4])
  expect((await relay.read('a', { reader_tag: 'laptop', caller: GUEST })).messages).toHaveLength(4)
  await relay.list({ reader_tag: 'laptop', caller: GUEST })
  expect(await readers()).toEqual(before)
  expect(seqs((await relay.check('laptop', { caller: OWNER })).messages)).toEqual([4])
})

test.each(['Deploy-Bot', 'deploy bot', 'DEPLOY_BOT', '@deploy-bot'])(
  'a caller that may only read does not become %s where deploy-bot is known',
  async (tag) => {
    await using database = await createTestDatabase()
    const relay = tools(database)
    await fill(relay, 'a', 2)
    await relay.check('deploy-bot', { caller: OWNER })
    for (const peek of [true, false]) {
      await expect(relay.check(tag, { caller: GUEST, peek })).rejects.toMatchObject({
        code: 'RL011',
      })
    }
    await relay.list({ reader_tag: tag, caller: GUEST })
    expect(await countReaders(relay)).toBe(1)
    expect(await relay.post('a', 'x', { to: 'Deploy-Bot' })).toMatchObject({ to: 'deploy-bot' })
  },
)

test('a message goes to the reader of exactly that name, else to the one introduced first', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await fill(relay, 'a', 2)
  await relay.check('deploy-bot')
  await relay.check('Deploy Bot')
  await relay.check('Deploy Bot')
  expect(await relay.post('a', 'x', { to: 'DEPLOY_BOT' })).toMatchObject({ to: 'deploy-bot' })
  expect(await relay.post('a', 'x', { to: 'Deploy Bot' })).toMatchObject({ to: 'Deploy Bot' })
})

test('an @ in front of an addressee is dropped, unless a reader has it in its tag', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await relay.check('rv')
  await relay.check('@home')
  expect(await relay.post('a', 'x', { to: '@rv' })).toMatchObject({ to: 'rv' })
  expect(await relay.post('a', 'x', { to: '@home' })).toMatchObject({ to: '@home' })
  expect(await relay.post('a', 'x', { to: '@not-yet' })).toMatchObject({ to: 'not-yet' })
  expect((await relay.read(null, { to: '@rv' })).messages).toHaveLength(1)
})
