/** A relay that grows from nothing: the cost of a call does not depend on when its session was planned. */
import { randomUUID } from 'node:crypto'
import type { Client } from 'pg'
import { expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { USER } from './calls.ts'

const THREADS = 50
const SESSIONS = 4
const ROUND = 1_000

/** Sessions as the pool of an API keeps them: each parses and plans a statement once. */
async function openSessions(database: TestDatabase) {
  const sessions: Client[] = []
  for (let n = 0; n < SESSIONS; n += 1) sessions.push(await database.connect())
  const run = (session: Client, name: string, text: string, values: unknown[]) =>
    session.query({ name, text, values })

  return {
    /** Posts messages, each session its share, half of them by a reader. */
    async post(count: number) {
      const each = count / SESSIONS
      await Promise.all(
        sessions.map(async (session, index) => {
          for (let n = 0; n < each; n += 1) {
            const thread = `thread-${(index + n * SESSIONS) % THREADS}`
            const reader = n % 2 ? `reader-${index}` : null
            await run(
              session,
              'post',
              `select public.relay_post_message($1, $2, $3, 'News.', 'code', p_reader_tag => $4)`,
              [USER, randomUUID(), thread, reader],
            )
            await run(session, 'check', `select public.relay_check_new($1, $2, $3)`, [
              USER,
              `reader-${index}`,
              thread,
            ])
          }
        }),
      )
      // A session reports its reads at most once a second, unless it is told to.
      for (const session of sessions) await session.query('select pg_stat_force_next_flush()')
    },
  }
}

/** The reads and writes so far in the relay's tables. */
async function readCounters(owner: Client) {
  const { rows } = await owner.query<{
    rows: string
    scanned: string
    hot: string
    updated: string
  }>(`
    select sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) as rows, sum(seq_tup_read) as scanned,
      sum(n_tup_hot_upd) filter (where relname = 'relay_threads') as hot,
      sum(n_tup_upd) filter (where relname = 'relay_threads') as updated
    from pg_stat_user_tables`)
  const [{ rows: read, scanned, hot, updated }] = rows as [(typeof rows)[0]]
  return {
    read: Number(read),
    scanned: Number(scanned),
    hot: Number(hot),
    updated: Number(updated),
  }
}

test('5,000 posts from an empty database read the same number of rows each', async () => {
  await using database = await createTestDatabase()
  const owner = await database.connect('postgres')
  const tables = ['relay_threads', 'relay_messages', 'relay_read_cursors', 'relay_readers']
  for (const table of tables) {
    // No autoanalyze comes to the rescue of plans that were made for empty tables.
    await owner.query(`alter table public.${table} set (autovacuum_enabled = off)`)
  }
  const sessions = await openSessions(database)
  await sessions.post(20 * SESSIONS)

  const perPost: number[] = []
  let before = await readCounters(owner)
  const start = before
  for (let round = 0; round < 5; round += 1) {
    await sessions.post(ROUND)
    const after = await readCounters(owner)
    perPost.push((after.read - before.read) / ROUND)
    before = after
  }
  const [first = 0] = perPost
  expect(Math.max(...perPost)).toBeLessThan(first * 1.2)
  expect(first).toBeLessThan(40)
  expect((before.scanned - start.scanned) / (5 * ROUND)).toBeLessThan(1)
})

test('a post updates its thread without touching an index', async () => {
  await using database = await createTestDatabase()
  const owner = await database.connect('postgres')
  // Room for every version of this test on its page: whether older ones can be removed in time depends on
  // the transactions of all databases of the server.
  await owner.query('alter table public.relay_threads set (fillfactor = 10)')
  const sessions = await openSessions(database)
  await sessions.post(THREADS + 2)
  const before = await readCounters(owner)
  await sessions.post(4 * THREADS)
  const after = await readCounters(owner)
  const updated = after.updated - before.updated
  expect(updated).toBeGreaterThanOrEqual(4 * THREADS)
  // Ten minutes may end in between, once for each thread.
  expect(updated - (after.hot - before.hot)).toBeLessThanOrEqual(THREADS)
})
