/**
 * Supabase's own program, on the relay's database: its linter, security and performance, and migrations
 * that were written as files. The only test that needs it.
 */
import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { test as anyTest, expect } from 'vitest'
import { readMigrations } from '../../../scripts/lib/migrations.ts'
import { legacyWorker, SCHEMA_0_1_0 } from '../../integration/migrations/legacy.ts'
import { USER } from '../../support/accounts.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { inPipe } from '../../support/person.ts'

const execute = promisify(execFile)

const PACKAGE = 'supabase@3.1.0'
/** Long enough to fetch it, and short where nothing answers. */
const PATIENCE_MS = 120_000

const program = await findProgram()
const test = anyTest.skipIf(!program)

/** Returns the program as a command line. npx fetches it once, 135 MB; undefined where it cannot be had. */
async function findProgram(): Promise<[string, ...string[]] | undefined> {
  // npx puts the package at the start of the PATH of its program.
  const args = ['exec', '--yes', `--package=${PACKAGE}`, '--', 'node', '-p', 'process.env.PATH']
  const options = { cwd: tmpdir(), timeout: PATIENCE_MS }
  const found = await execute('npm', args, options).catch(() => undefined)
  if (!found) {
    console.log(`${PACKAGE} cannot be had here: its tests are skipped.`)
    return undefined
  }
  const [bin = ''] = found.stdout.trim().split(delimiter)
  return [process.execPath, join(bin, '..', 'supabase', 'dist', 'supabase.js')]
}

interface Advice {
  name: string
  level: string
  detail: string
}

/** Asks for all findings; those that docs/deploy.md explains are of these kinds. */
async function readAdvice({ connection }: TestDatabase): Promise<Advice[]> {
  const { password, host, port, database } = connection
  const url = `postgresql://postgres:${password}@${host}:${port}/${database}`
  const printed = await run('/', 'db', 'advisors', ...FORM, `--remote=${url}`)
  return JSON.parse(printed).results
}

const FORM = '--level info --fail-on none --output-format json --agent no'.split(' ')

async function run(cwd: string, ...args: string[]): Promise<string> {
  const [command = '', ...first] = program ?? []
  return (await execute(command, [...first, ...args], { cwd })).stdout
}

const EXPLAINED = ['rls_enabled_no_policy', 'unused_index']

const unexplained = (advice: Advice[]) =>
  advice.filter(({ name, level }) => level !== 'INFO' || !EXPLAINED.includes(name))

test('the documents explain every finding in a new database', async () => {
  await using database = await createTestDatabase()
  const advice = await readAdvice(database)
  expect(unexplained(advice)).toEqual([])
  expect(advice.filter(({ name }) => name === 'rls_enabled_no_policy')).toHaveLength(8)
})

test('the documents explain every finding in a database in use', async () => {
  await using database = await createTestDatabase()
  await use(database)
  expect(unexplained(await readAdvice(database))).toEqual([])
})

test('a database upgraded from 0.1.0 has none either', async () => {
  await using database = await createTestDatabase({ empty: true })
  const owner = await database.connect('postgres')
  await owner.query(SCHEMA_0_1_0)
  const thread = await legacyWorker(owner).open('from before')
  await legacyWorker(owner).post(thread, 'Hello from 0.1.0.')
  for (const { sql } of readMigrations()) await owner.query(sql)
  await use(database)
  expect(unexplained(await readAdvice(database))).toEqual([])
})

test('migrations written as files are applied by the program, and its other commands work', async () => {
  await using database = await createTestDatabase({ empty: true })
  const folder = mkdtempSync(join(tmpdir(), 'relay-project-'))
  try {
    const migrations = join(folder, 'supabase', 'migrations')
    const { printed } = await inPipe('setup', ['--sql', migrations], {})
    expect(printed).toContain('Apply it: supabase db push --remote')
    const again = await inPipe('setup', ['--sql', migrations], {})
    expect(again.printed).toContain('is already there')
    expect(readdirSync(migrations)).toEqual([
      expect.stringMatching(/^\d{14}_relay_mcp_001_initial.sql$/),
    ])

    const { password, host, port, database: name } = database.connection
    const remote = `--remote=postgresql://postgres:${password}@${host}:${port}/${name}`
    await run(folder, 'db', 'push', '--yes', remote)
    const user = { p_user_id: '5f0c9f6e-2a0b-4d0a-9a53-0d9c1c7d3b11' }
    expect(await database.call('relay_status', user)).toMatchObject({ schema_version: 1 })
    expect(await run(folder, 'gen', 'types', remote)).toContain('relay_messages')
    expect(await run(folder, 'inspect', 'db', 'table-stats', remote)).toContain('relay_messages')
  } finally {
    rmSync(folder, { recursive: true })
  }
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
