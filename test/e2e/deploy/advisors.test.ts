/** Supabase's own linter, security and performance, on the relay's database. */
import { expect, test } from 'vitest'
import { readMigrations } from '../../../scripts/lib/migrations.ts'
import { ask, type Program } from '../../../scripts/lib/supabase-program.ts'
import { legacyWorker, SCHEMA_0_1_0 } from '../../integration/migrations/legacy.ts'
import { USER } from '../../support/accounts.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { supabaseProgram } from '../../support/supabase-program.ts'

interface Advice {
  name: string
  level: string
  detail: string
}

/** Asks for all findings; those that docs/deploy.md explains are of these kinds. */
async function readAdvice({ connection }: TestDatabase): Promise<Advice[]> {
  const { password, host, port, database } = connection
  const url = `postgresql://postgres:${password}@${host}:${port}/${database}`
  const args = ['db', 'advisors', '--level', 'info', '--fail-on', 'none', `--remote=${url}`]
  const answer = await ask(supabaseProgram as Program, args)
  if ('fault' in answer) throw new Error(answer.fault)
  return answer.data.results
}

const EXPLAINED = ['rls_enabled_no_policy', 'unused_index']

const unexplained = (advice: Advice[]) =>
  advice.filter(({ name, level }) => level !== 'INFO' || !EXPLAINED.includes(name))

test.skipIf(!supabaseProgram)(
  'a new database has no finding that the documents do not explain',
  async () => {
    await using database = await createTestDatabase()
    const advice = await readAdvice(database)
    expect(unexplained(advice)).toEqual([])
    expect(advice.filter(({ name }) => name === 'rls_enabled_no_policy')).toHaveLength(4)
  },
)

test.skipIf(!supabaseProgram)('a database in use has none either', async () => {
  await using database = await createTestDatabase()
  await use(database)
  expect(unexplained(await readAdvice(database))).toEqual([])
})

test.skipIf(!supabaseProgram)('a database upgraded from 0.1.0 has none either', async () => {
  await using database = await createTestDatabase({ empty: true })
  const owner = await database.connect('postgres')
  await owner.query(SCHEMA_0_1_0)
  const thread = await legacyWorker(owner).open('from before')
  await legacyWorker(owner).post(thread, 'Hello from 0.1.0.')
  for (const { sql } of readMigrations()) await owner.query(sql)
  await use(database)
  expect(unexplained(await readAdvice(database))).toEqual([])
})

/** Two sessions post to some threads, read, search and archive; a person deletes messages by hand. */
async function use(database: TestDatabase): Promise<void> {
  const call = (fn: string, args: object) => database.call(fn, { p_user_id: USER, ...args })
  for (const name of ['billing', 'release', 'search']) {
    for (let count = 0; count < 20; count += 1) {
      await call('relay_post_message', {
        p_message_id: crypto.randomUUID(),
        p_thread_name: name,
        p_surface: 'code',
        p_content: `Message ${count} about ${name}`,
        p_reader_tag: count % 2 ? 'laptop' : 'phone',
      })
    }
    await call('relay_check_new', { p_thread_name: name, p_reader_tag: 'desk' })
  }
  await call('relay_read_thread', { p_thread_name: 'billing', p_query: 'billing' })
  await call('relay_list_threads', { p_reader_tag: 'laptop' })
  await call('relay_archive_thread', { p_thread_name: 'search' })
  const owner = await database.connect('postgres')
  await owner.query('delete from public.relay_messages where seq <= 5')
  await owner.query('vacuum analyze')
}
