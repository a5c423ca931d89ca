/** One locked thread does not hold up everyone else. */
import { expect, test } from 'vitest'
import { createTestRelay } from '../../support/relay.ts'

test('a read of another thread is answered while twelve posts wait for a locked one', async () => {
  await using relay = await createTestRelay({ runsFewCalls: true })
  for (const thread_name of ['locked', 'other']) {
    await relay.call('relay_post_message', { thread_name, surface: 'code', content: 'first' })
  }
  const owner = await relay.database.connect('postgres')
  await owner.query("begin; select from relay_threads where name = 'locked' for update")

  let settled = 0
  const posts = Array.from({ length: 12 }, async (_, n) => {
    const message = { thread_name: 'locked', surface: 'code', content: `${n}` }
    const answer = await relay.call('relay_post_message', message)
    settled += 1
    return answer
  })
  // Not the owner, whose transaction sees the activity of one moment only.
  const watcher = await relay.database.connect('postgres')
  const waiting = async () => {
    const locks = await watcher.query(`
      select from pg_locks join pg_stat_activity using (pid)
      where datname = current_database() and not granted`)
    return locks.rowCount
  }
  await expect.poll(waiting).toBe(4)

  const read = await relay.call('relay_read_thread', { thread_name: 'other' })
  expect(read.structuredContent.messages).toMatchObject([{ content: 'first' }])
  expect(settled).toBe(0)

  await owner.query('rollback')
  const answers = await Promise.all(posts)
  expect(answers.map(({ isError }) => isError)).toEqual(Array(12).fill(undefined))
})
