/** The Supabase project: which it is, and the relay's SQL in it. */
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
import { faultOfIdentity } from './tls.ts'

const PAUSE_MS = 2_000
/** The API learns of new functions within moments of their being made. */
const PATIENCE_MS = 60_000

/** Asks for the project's URL and its secret key, and tries them on the project. */
export async function chooseProject(setup: Setup): Promise<void> {
  const { deployment } = setup
  if (deployment.SUPABASE_SERVICE_KEY) {
    const finding = await tried(projectOf(setup))
    if (finding.is !== 'fault')
      return say(`Continuing with the project ${deployment.SUPABASE_URL}.`)
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
      const finding = await tried({ url, key: given })
      return finding.is === 'fault' ? finding.sentence : undefined
    },
  })
  remember(setup, { SUPABASE_URL: url, SUPABASE_SERVICE_KEY: key })
  say(`Kept in ${KEPT_IN}, which only you can read.`)
}

function tried(project: Project): Promise<Finding> {
  return during(
    'Trying the key on the project',
    () => askStatus(project),
    (finding) => (finding.is === 'fault' ? 'The project refuses it' : 'The project accepts it'),
  )
}

export function projectOf(setup: Setup): Project {
  return { url: known(setup, 'SUPABASE_URL'), key: known(setup, 'SUPABASE_SERVICE_KEY') }
}

/** Brings the relay's SQL into the project, unless it is there. */
export async function migrateProject(setup: Setup): Promise<void> {
  const project = projectOf(setup)
  const found = await during(
    'Looking for the relay in the database',
    () => askStatus(project),
    (finding) => (isCurrent(finding) ? 'Everything is there' : 'Missing or incomplete'),
  )
  if (isCurrent(found)) return
  if (found.is === 'fault') throw new UserError(found.sentence)
  const string = await ask({
    variable: 'DATABASE_URL',
    message: 'Connection string of the database (Connect › Session pooler), to apply it for you',
    isSecret: true,
    ifEmpty: 'you paste the SQL yourself',
    faultOf: (answer) => faultOfConnectionString(answer, project.url),
    faultOnTrial: faultOnConnecting,
  })
  if (string) await migrateOver(string)
  else await migrateByHand(project)
  const deadline = string ? Date.now() + PATIENCE_MS : Number.POSITIVE_INFINITY
  await during('Waiting for the project to see it', (more) => untilCurrent(project, deadline, more))
}

function isCurrent(finding: Finding): boolean {
  const newest = readMigrations().at(-1)?.version ?? 0
  return finding.is === 'ready' && finding.schemaVersion >= newest
}

async function untilCurrent(
  project: Project,
  deadline: number,
  more: (text: string) => void,
): Promise<void> {
  for (;;) {
    const finding = await askStatus(project)
    if (isCurrent(finding)) return
    const sentence = finding.is === 'ready' ? 'Part of it is missing.' : finding.sentence
    if (Date.now() > deadline) throw new UserError(`The SQL was applied, but: ${sentence}`)
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
    return faultOfConnecting(error as NodeJS.ErrnoException)
  } finally {
    await client.end()
  }
}

/** What a failed connection means, in a sentence. */
function faultOfConnecting(error: NodeJS.ErrnoException): string {
  const { code, message } = error
  const fault = faultOfIdentity(error)
  if (fault) return fault
  if (code === '28P01') return 'The database refuses this password.'
  if (code === 'ENOTFOUND' || code === 'ENETUNREACH' || code === 'EHOSTUNREACH') {
    return 'The database can’t be reached. Its direct address needs IPv6: take the string of the Session pooler.'
  }
  return `The database can't be connected to: ${message || code}.`
}

/** Applies the SQL over a connection of its own, where it may take as long as it needs. */
async function migrateOver(string: string): Promise<void> {
  const client = new Client(connectionOf(string))
  // What is under way when the connection is lost fails with it; an event without a listener would
  // end the process.
  client.on('error', () => {})
  await client.connect()
  try {
    await client.query('set statement_timeout = 0')
    const messages = await countMessages(client)
    if (messages > 0) {
      say(`Existing messages, which are kept: ${messages}. Numbering many of them takes minutes.`)
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

/** Hands the SQL to the person, for the editor in the dashboard. */
async function migrateByHand(project: Project): Promise<void> {
  const migrations = readMigrations()
  const paths = migrations.map(({ path }) => path).join(', then ')
  const editor = sqlEditor(project.url)
  if (!hasPerson) {
    throw new UserError(
      `Run ${paths} in the SQL editor, ${editor}, and then this again; or set DATABASE_URL.`,
    )
  }
  const isCopied = copy(migrations.map(({ sql }) => sql).join('\n'))
  const what = isCopied ? 'Paste the SQL, which is in your clipboard,' : `Paste all of ${paths}`
  say(`${what} into the SQL editor of the project, and run it there:`)
  show(editor)
}
