/**
 * The step of the set-up that applies the relay's SQL to the project: through the person's account, over a
 * connection string, or by the person in the SQL editor.
 */
import { Client } from 'pg'
import { applyMigration, type Migration, readMigrations, selectPending } from '../lib/migrations.ts'
import type { Project } from '../lib/supabase-api.ts'
import { UserError } from '../lib/user-error.ts'
import { waitUntil } from '../lib/wait.ts'
import { connectionOf, faultOfConnectionString } from './connection-string.ts'
import { projectOf } from './project.ts'
import { signIn } from './sign-in.ts'
import type { Setup } from './steps.ts'
import { askStatus, type Finding, sqlEditor } from './supabase.ts'
import { ask, during, hasPerson, say, show } from './terminal.ts'
import { explainIdentity } from './tls.ts'

const PAUSE_MS = 2_000
/** The API notices new functions within seconds. */
const PATIENCE_MS = 60_000
/** Numbering more than these takes longer than Supabase's API and SQL editor wait. */
const MANY_MESSAGES = 200_000

/** Applies the relay's SQL to the project, unless it is up to date. */
export async function migrateProject(setup: Setup): Promise<void> {
  const project = projectOf(setup)
  const found = await during(
    'Looking for the relay in the database',
    () => askStatus(project),
    describeDatabase,
  )
  if (found.is === 'fault') throw new UserError(found.sentence)
  const pending = listPending(found)
  if (pending.length === 0) return
  const way = await migrate(setup, pending)
  const patience = way === 'applied' ? PATIENCE_MS : Number.POSITIVE_INFINITY
  await during('Waiting for the API of the project', (more) =>
    waitUntilCurrent(project, patience, more),
  )
}

/** Lists what the database does not have yet, in order. */
function listPending(finding: Finding): Migration[] {
  const version = finding.is === 'ready' ? finding.schemaVersion : 0
  return selectPending(readMigrations(), version)
}

function describeDatabase(finding: Finding): string {
  if (finding.is === 'fault') return 'The database cannot be queried'
  const pending = listPending(finding)
  if (pending.length === 0) return 'The database is up to date'
  const paths = pending.map(({ path }) => path).join(', then ')
  const version = finding.is === 'ready' ? `It has version ${finding.schemaVersion}. ` : ''
  return `The database needs the SQL. ${version}To apply: ${paths}`
}

async function migrate(setup: Setup, pending: Migration[]): Promise<'applied' | 'by hand'> {
  const project = projectOf(setup)
  if (setup.deployment.project && !process.env.DATABASE_URL) {
    if (await migrateThroughAccount(setup, setup.deployment.project, pending)) return 'applied'
  }
  const string = await ask({
    variable: 'DATABASE_URL',
    message:
      'Connection string of the database (Connect › Session pooler), so that the SQL can be applied for you',
    isSecret: true,
    ifEmpty: 'paste the SQL yourself',
    faultOf: (answer) => faultOfConnectionString(answer, project.url),
    faultOnTrial: faultOnConnecting,
  })
  if (string) await migrateOver(string, pending)
  else await migrateByHand(project, pending)
  return string ? 'applied' : 'by hand'
}

/** Applies the SQL through the account; false if the database has too many messages for it. */
export async function migrateThroughAccount(
  setup: Setup,
  ref: string,
  pending: Migration[],
): Promise<boolean> {
  const account = await signIn(setup)
  const [row] = await account.readSql(ref, COUNT_MESSAGES)
  const count = Number(row?.count ?? 0)
  if (count > MANY_MESSAGES) {
    say(
      `The database has about ${count} messages. Numbering them takes minutes, over its own connection.`,
    )
    return false
  }
  for (const { path, sql } of pending) {
    await during(
      `Applying ${path}`,
      () => account.runSql(ref, sql),
      () => `Applied ${path}`,
    )
  }
  return true
}

/** PostgreSQL's estimate, because the table may not exist. */
const COUNT_MESSAGES =
  "select greatest(reltuples, 0)::bigint as count from pg_class where oid = to_regclass('public.relay_messages')"

/** Waits until the API sees the SQL, without end if a person applies it. */
function waitUntilCurrent(project: Project, patience: number, more: (text: string) => void) {
  const look = async () => {
    const finding = await askStatus(project)
    if (finding.is !== 'ready') return `The API does not see the SQL yet. ${finding.sentence}`
    return listPending(finding).length === 0 ? undefined : 'The SQL was applied only in part.'
  }
  return waitUntil(look, { patience, pause: PAUSE_MS, more })
}

async function faultOnConnecting(string: string): Promise<string | undefined> {
  const client = new Client(connectionOf(string))
  client.on('error', () => {})
  try {
    await during('Connecting to the database', () => client.connect())
    return undefined
  } catch (error) {
    return explainConnection(error as NodeJS.ErrnoException)
  } finally {
    await client.end()
  }
}

/** Explains in a sentence why a connection failed. */
function explainConnection(error: NodeJS.ErrnoException): string {
  const { code, message } = error
  const fault = explainIdentity(error)
  if (fault) return fault
  if (code === '28P01') return 'The database refuses this password.'
  if (code === 'ENOTFOUND' || code === 'ENETUNREACH' || code === 'EHOSTUNREACH') {
    return 'The database cannot be reached. Its direct address needs IPv6: use the connection string of the session pooler.'
  }
  return `The connection to the database failed: ${message || code}.`
}

/** Applies the SQL over its own connection, without a time limit. */
async function migrateOver(string: string, pending: Migration[]): Promise<void> {
  const client = new Client(connectionOf(string))
  // If the connection is lost, the running query fails. Without a listener the event would end the
  // process.
  client.on('error', () => {})
  await client.connect()
  try {
    await client.query('set statement_timeout = 0')
    for (const migration of pending) {
      await during(`Applying ${migration.path}`, () => applyMigration(client, migration))
    }
  } finally {
    await client.end()
  }
}

/** Gives the SQL to the person, to run in the editor of the dashboard. */
async function migrateByHand(project: Project, migrations: Migration[]): Promise<void> {
  const paths = migrations.map(({ path }) => path).join(', then ')
  const editor = sqlEditor(project.url)
  if (!hasPerson) {
    throw new UserError(
      `Run ${paths} in the SQL editor at ${editor}, then run this command again. Or set DATABASE_URL.`,
    )
  }
  say(`Paste all of ${paths} into the SQL editor of the project and run it:`)
  show(editor)
}
