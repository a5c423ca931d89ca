/**
 * An embedded PostgreSQL 17 of our own: made on the first start, on loopback, with a generated
 * password that only the owner of its folder can read. Roles and tables are migrate.ts's.
 */
import { randomBytes } from 'node:crypto'
import {
  chmod,
  chown,
  copyFile,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  writeFile,
} from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Child, startChild } from '../../lib/child-process.ts'
import { UserError } from '../../lib/user-error.ts'
import { type Account, giveTo, initdbAccount, postgresAccount } from './account.ts'
import { type Binaries, findBinaries } from './binaries.ts'

export const SUPERUSER = 'supabase_admin'

/** SIGINT ends sessions and saves (a fast shutdown); SIGQUIT leaves it to the next start. */
export const STOP_SIGNALS: NodeJS.Signals[] = ['SIGINT', 'SIGQUIT', 'SIGKILL']

const MAJOR_VERSION = '17'
const READY = /database system is ready to accept connections/
/** What it says to those who come too early, which is not why it ends. */
const TOO_EARLY = /FATAL: +the database system is /

export interface PostgresOptions {
  /** An existing folder that the account PostgreSQL runs as owns. */
  directory: string
  /** False keeps nothing safe from a crash and is faster: for tests. */
  durable: boolean
  maxConnections: number
  /** Any free one if left out. */
  port?: number
}

export interface Connection {
  host: string
  port: number
  user: string
  password: string
  database: string
}

export interface Postgres {
  pid: number
  /** How the superuser connects to a database. */
  connection(database: string): Connection
  exited: Promise<string>
  stop(): Promise<void>
}

/** Starts PostgreSQL on loopback; resolves when it takes connections. */
export async function startPostgres(options: PostgresOptions): Promise<Postgres> {
  const account = postgresAccount(options.directory)
  const binaries = await findBinaries(account)
  const data = join(options.directory, 'data')
  const version = await readFile(join(data, 'PG_VERSION'), 'utf8').catch(() => undefined)
  if (version === undefined) await initialise(binaries, account, options)
  else if (version.trim() !== MAJOR_VERSION) {
    throw new UserError(
      `${data} was made by PostgreSQL ${version.trim()}, and this is ${MAJOR_VERSION}: start it ` +
        'with the release of relay-mcp that made it.',
    )
  }
  await clearDeadLock(data)
  const password = await readFile(passwordPath(options), 'utf8')
  const { child, port } = await serve(binaries, account, options)

  return {
    pid: child.pid,
    connection: (database) => ({ host: '127.0.0.1', port, user: SUPERUSER, password, database }),
    exited: child.exited,
    stop: () => child.stop(STOP_SIGNALS, 2000),
  }
}

/** Makes the database files in a draft that is renamed when whole: a start cut short leaves none. */
async function initialise(binaries: Binaries, account: Account | undefined, o: PostgresOptions) {
  for (const name of await readdir(o.directory)) {
    // Retried, because what an initdb was killed over may still be writing.
    if (name.startsWith('draft-')) {
      await rm(join(o.directory, name), { recursive: true, maxRetries: 20, retryDelay: 100 })
    }
  }
  await writeFile(passwordPath(o), randomBytes(24).toString('base64url'), { mode: 0o600 })
  const draft = await mkdtemp(join(o.directory, 'draft-'))
  const cluster = join(draft, 'data')
  const maker = account && initdbAccount()
  const passwordFile = join(draft, 'password')
  await copyFile(passwordPath(o), passwordFile)
  if (maker) {
    await giveTo(maker, draft)
    // It must pass through the folder, which is closed to all but its owner.
    await chmod(o.directory, 0o711)
  }
  const child = await startChild(
    binaries.initdb,
    [
      `--pgdata=${cluster}`,
      `--username=${SUPERUSER}`,
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      // With the locale C, lower('É') stays 'É' and a search for école misses ÉCOLE.
      `--locale=${process.platform === 'darwin' ? 'en_US.UTF-8' : 'C.UTF-8'}`,
      ...(o.durable ? [] : ['--no-sync']),
    ],
    { ...surroundings(maker), lastSignal: 'KILL' },
  )
  const said = lines(child)
  const end = await child.exited
  if (end !== 'exit code 0') throw new UserError(`initdb failed (${end}): ${said.last()}`)
  if (account) {
    await giveTo(account, draft)
    await chmod(o.directory, 0o700)
    await chown(passwordPath(o), account.uid, account.gid)
  }
  await rename(cluster, join(o.directory, 'data'))
  await rm(draft, { recursive: true })
}

/**
 * Removes the lock of a PostgreSQL that was killed: to the next one a zombie that nobody has buried
 * looks alive. Only when no process works in the folder any more, since the lock is also what keeps
 * two from writing to it; those that the dead one leaves behind end by themselves.
 */
async function clearDeadLock(data: string): Promise<void> {
  const lock = join(data, 'postmaster.pid')
  const [pid = ''] = (await readFile(lock, 'utf8').catch(() => '')).split('\n')
  if (process.platform !== 'linux' || !/^\d+$/.test(pid)) return
  for (let waited = 0; waited < 5000; waited += 50) {
    if (await isAlive(pid)) return
    if ((await processesIn(data)).length === 0) return rm(lock)
    await sleep(50)
  }
}

async function isAlive(pid: string): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  return stat !== undefined && !stat.slice(stat.lastIndexOf(')')).startsWith(') Z')
}

async function processesIn(folder: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const folders = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/cwd`).catch(() => '')))
  return folders.filter((each) => each === folder)
}

async function serve(binaries: Binaries, account: Account | undefined, o: PostgresOptions) {
  // A free port can be taken by another program before PostgreSQL has it.
  for (let attempt = 1; ; attempt += 1) {
    const port = o.port ?? (await freePort())
    const settings = {
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      port,
      max_connections: o.maxConnections,
      log_destination: 'stderr',
      // What is passed on of it is said to a person.
      log_line_prefix: '',
      logging_collector: 'off',
      ...(o.durable ? {} : { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }),
    }
    const child = await startChild(
      binaries.postgres,
      [
        '-D',
        join(o.directory, 'data'),
        ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
      ],
      { ...surroundings(account), lastSignal: o.durable ? 'INT' : 'QUIT' },
    )
    const said = lines(child)
    const ended = await Promise.race([said.until(READY), child.exited])
    if (ended === undefined) return { child, port }
    if (attempt === 3 || !said.has(/Address already in use/)) {
      throw new UserError(`PostgreSQL did not start (${ended}): ${said.last()}`)
    }
  }
}

// Settings of the person's own PostgreSQL (PGDATA, PGOPTIONS, a language) must not reach ours, and
// the working directory may be one that its account can't enter.
function surroundings(account: Account | undefined) {
  return {
    ...account,
    cwd: '/',
    env: { PATH: process.env.PATH, LC_MESSAGES: 'C', TZ: 'UTC' },
    stdio: ['ignore', 'ignore', 'pipe'] as ['ignore', 'ignore', 'pipe'],
  }
}

/** Follows what a child says on stderr, keeping the last lines for an error message. */
function lines({ process: { stderr } }: Child) {
  const kept: string[] = []
  const reader = createInterface({ input: stderr as NodeJS.ReadableStream })
  reader.on('line', (line) => {
    if (!TOO_EARLY.test(line) && kept.push(line) > 20) kept.shift()
  })
  return {
    has: (pattern: RegExp) => kept.some((line) => pattern.test(line)),
    last: () => kept.find((line) => /FATAL|PANIC|error:/.test(line)) ?? kept.at(-1) ?? 'no word',
    until: (pattern: RegExp) =>
      new Promise<undefined>((resolve) => {
        reader.on('line', (line) => pattern.test(line) && resolve(undefined))
      }),
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}

const passwordPath = ({ directory }: PostgresOptions) => join(directory, 'password')
