import { readFileSync } from 'node:fs'
import { test } from 'vitest'
import { createTestDatabase } from '../../support/database.ts'
import { USER } from './calls.ts'
import { SCHEMA_0_1_0 } from './legacy.ts'
test('x', { timeout: 900000 }, async () => {
  await using database = await createTestDatabase({ empty: true } as any)
  const owner = await database.connect('postgres')
  await owner.query(SCHEMA_0_1_0)
  await owner.query(`insert into relay_threads (user_id, name) select '${USER}', 'thread-' || n from generate_series(1, 10000) n`)
  const words = `'Message ' || n || ': the backfill stands at sixty per cent and nobody has décidé whether dual writes stay until the end of the month. ' || repeat(md5(n::text) || ' ', 5)`
  await owner.query(`insert into relay_messages (thread_id, user_id, surface, content, created_at) select t.id, t.user_id, 'code', ${words}, now() - interval '30 days' + n * interval '2 seconds' from generate_series(1, 1000000) n join relay_threads t on t.name = 'thread-' || (n % 10000 + 1)`)
  await owner.query(`insert into relay_read_cursors (thread_id, user_id, reader_tag, last_read_at) select id, user_id, r, now() from relay_threads, unnest(array['a','b','c']) r`)
  await owner.query('set statement_timeout = 0')
  for (const file of ['/work/oldwt/migrations/001_initial.sql', '/work/wt-live/migrations/001_initial.sql'].slice(process.env.WHICH === 'old' ? 0 : 1, process.env.WHICH === 'old' ? 1 : 2)) {
    const t = performance.now()
    await owner.query(readFileSync(file, 'utf8'))
    console.log(file, ((performance.now() - t) / 1000).toFixed(1), 's')
  }
})
