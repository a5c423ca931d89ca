/** Polls while a post takes long: its time is long past when others can see it. */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { over, tools, USER } from './calls.ts'

interface Polled {
  events: { thread_name: string }[]
  cursor_at: string
  cursor_id: string
  truncated: boolean
}

const STALL_MS = 5_000

const poll = (database: TestDatabase, after?: Polled): Promise<Polled> =>
  database.call('relay_poll_events', {
    p_user_id: USER,
    p_after_at: after?.cursor_at ?? null,
    p_after_id: after?.cursor_id ?? null,
  })

test('a post that stalls for five seconds is in a later poll, whatever cursor was returned meanwhile', async () => {
  await using database = await createTestDatabase()
  const quick = tools(database)
  await quick.post('earlier')
  const before = await poll(database)
  const connection = await database.connect()
  await connection.query('begin')
  await tools(over(connection)).post('stalled')
  const begun = Date.now()

  // One client that continues from its last cursor, and others that begin meanwhile.
  const cursors = [before]
  let last = before
  while (Date.now() - begun < STALL_MS) {
    await quick.post('quick')
    last = await poll(database, last)
    cursors.push(last, await poll(database))
    expect(last.events.map(({ thread_name }) => thread_name)).not.toContain('stalled')
    await sleep(250)
  }
  await connection.query('commit')

  const found = async (from: Polled) =>
    (await poll(database, from)).events.filter(({ thread_name }) => thread_name === 'stalled')
  await expect.poll(() => found(before)).toHaveLength(1)
  expect(cursors.length).toBeGreaterThan(10)
  for (const cursor of cursors) {
    expect(await found(cursor)).toHaveLength(1)
    expect((await poll(database, cursor)).truncated).toBe(false)
  }
})
