/** The steps of the set-up that choose the Supabase project and apply the relay's SQL to it. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { applyMigration, readMigrations } from '../lib/migrations.ts'
import type { Project } from '../lib/supabase-api.ts'
import { UserError } from '../lib/user-error.ts'
import { copy } from './clipboard.ts'
import { connectionOf, faultOfConnectionString } from './connection-string.ts'
import { KEPT_IN } from './deployment.ts'
import { known, remember, type Setup } from './steps.ts'
import {
  askStatus,
  type Finding,
  faultOfProjectUrl,
  faultOfServiceKey,
  sqlEditor,
} from './supabase.ts'
import { ask, during, hasPerson, say, show } from './terminal.ts'
import { explainIdentity } from './tls.ts'

const PAUSE_MS = 2_000
/** The API notices new functions within seconds. */
const PATIENCE_MS = 60_000

/** Asks for the project's URL and secret key, and tests them. */
export async function chooseProject(setup: Setup): Promise<void> {
  const { deployment } = setup
  if (deployment.SUPABASE_SERVICE_KEY) {
    const finding = await testKey(projectOf(setup))
    if (finding.is !== 'fault') return say(`Using the project ${deployment.SUPABASE_URL}.`)
    say(finding.sentence)
  }
  const answer = await ask({
    variable: 'SUPABASE_URL',
    message: 'URL of your Supabase project (Project Settings › Data API)',
    faultOf: faultOfProjectUrl,
  })
  const url = new URL(answer).origin
  const key = await ask({
    variable: 'SUPABASE_SERVICE_KEY',
    message: 'Its secret key, sb_secret_… or service_role (Project Settings › API Keys)',
    isSecret: true,
    faultOf: (given) => faultOfServiceKey(given, url),
    faultOnTrial: async (given) => {
      const finding = await testKey({ url, key: given })
      return finding.is === 'fault' ? finding.sentence : undefined
    },
  })
  remember(setup, { SUPABASE_URL: url, SUPABASE_SERVICE_KEY: key })
  say(`Saved in ${KEPT_IN}, which only you can read.`)
}

function testKey(project: Project): Promise<Finding> {
  return during(
    'Testing the key',
    () => askStatus(project),
    (finding) =>
      finding.is === 'fault' ? 'The project refuses the key' : 'The project accepts the key',
  )
}

export function projectOf(setup: Setup): Project {
  return { url: known(setup, 'SUPABASE_URL'), key: known(setup, 'SUPABASE_SERVICE_KEY') }
}

/** Applies the relay's SQL to the project, unless it is up to date. */
export async function migrateProject(setup: Setup): Promise<void> {
  const project = projectOf(setup)
  const found = await during(
    'Looking for the relay in the database',
    () => askStatus(project),
    (finding) => (isCurrent(finding) ? 'The database is up to date' : 'The database needs the SQL'),
  )
  if (isCurrent(found)) return
  if (found.is === 'fault') throw new UserError(found.sentence)
  const string = await ask({
    variable: 'DATABASE_URL',
    message:
      'Connection string of the database (Connect › Session pooler), so that the SQL can be applied for you',
    isSecret: true,
    ifEmpty: 'paste the SQL yourself',
    faultOf: (answer) => faultOfConnectionString(answer, project.url),
    faultOnTrial: faultOnConnecting,
  })
  if (string) await migrateOver(string)
  else await migrateByHand(project)
  const deadline = string ? Date.now() + PATIENCE_MS : Number.POSITIVE_INFINITY
  await during('Waiting for the API of the project', (more) =>
    waitUntilCurrent(project, deadline, more),
  )
}

function isCurrent(finding: Finding): boolean {
  const newest = readMigrations().at(-1)?.version ?? 0
  return finding.is === 'ready' && finding.schemaVersion >= newest
}

async function waitUntilCurrent(
  project: Project,
  deadline: number,
  more: (text: string) => void,
): Promise<void> {
  for (;;) {
    const finding = await askStatus(project)
    if (isCurrent(finding)) return
    const sentence = finding.is === 'ready' ? 'The SQL was applied only in part.' : finding.sentence
    if (Date.now() > deadline)
      throw new UserError(`The SQL was applied, but the API does not see it yet. ${sentence}`)
    more(sentence)
    await sleep(PAUSE_MS)
  }
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
async function migrateOver(string: string): Promise<void> {
  const client = new Client(connectionOf(string))
  // If the connection is lost, the running query fails. Without a listener the event would end the
  // process.
  client.on('error', () => {})
  await client.connect()
  try {
    await client.query('set statement_timeout = 0')
    const messages = await countMessages(client)
    if (messages > 0) {
      say(
        `The database has ${messages} messages. They are kept; numbering many of them takes minutes.`,
      )
    }
    for (const migration of readMigrations()) {
      await during(`Applying ${migration.path}`, () => applyMigration(client, migration))
    }
  } finally {
    await client.end()
  }
}

async function countMessages(client: Client): Promise<number> {
  const { rows } = await client.query("select to_regclass('public.relay_messages') as name")
  if (!rows[0].name) return 0
  const counted = await client.query('select count(*)::int as count from public.relay_messages')
  return counted.rows[0].count
}

/** Gives the SQL to the person, to run in the editor of the dashboard. */
async function migrateByHand(project: Project): Promise<void> {
  const migrations = readMigrations()
  const paths = migrations.map(({ path }) => path).join(', then ')
  const editor = sqlEditor(project.url)
  if (!hasPerson) {
    throw new UserError(
      `Run ${paths} in the SQL editor at ${editor}, then run this command again. Or set DATABASE_URL.`,
    )
  }
  const isCopied = copy(migrations.map(({ sql }) => sql).join('\n'))
  const what = isCopied ? 'The SQL is in your clipboard. Paste it' : `Paste all of ${paths}`
  say(`${what} into the SQL editor of the project and run it:`)
  show(editor)
}
