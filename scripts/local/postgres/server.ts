/**
 * Runs the embedded PostgreSQL 17: initialised on the first start, on loopback only, with a generated
 * password that only the owner of its folder can read. supabase/ creates the roles and tables.
 */
import { randomBytes } from 'node:crypto'
import { chmod, chown, copyFile, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type Child, startChild } from '../../lib/child-process.ts'
import { UserError } from '../../lib/user-error.ts'
import type { Process } from '../keeper.ts'
import { type Account, giveTo, initdbAccount, postgresAccount } from './account.ts'
import { type Binaries, findBinaries } from './binaries.ts'
import { clearStaleLock } from './stale-lock.ts'

export const SUPERUSER = 'supabase_admin'

/** SIGINT ends sessions and writes everything out (a fast shutdown); SIGQUIT leaves recovery to the next start. */
const STOP_SIGNALS: NodeJS.Signals[] = ['SIGINT', 'SIGQUIT', 'SIGKILL']

const MAJOR_VERSION = '17'
const READY = /database system is ready to accept connections/
/** Its answer to early connections, which is not the reason why it ended. */
const TOO_EARLY = /FATAL: +the database system is /

export interface PostgresOptions {
  /** An existing folder, owned by the account that PostgreSQL runs as. */
  directory: string
  /** False is faster but loses data in a crash: for tests. */
  durable: boolean
  maxConnections: number
  /** Any free port if undefined. */
  port?: number | undefined
  /** Aborted to end a start in progress, which then rejects. */
  signal?: AbortSignal
}

export interface Connection {
  host: string
  port: number
  user: string
  password: string
  database: string
}

export interface Postgres extends Process {
  /** The superuser's connection to a database. */
  connection(database: string): Connection
}

/** Starts PostgreSQL on loopback; resolves when it accepts connections. */
export async function startPostgres(options: PostgresOptions): Promise<Postgres> {
  const account = postgresAccount(options.directory)
  const binaries = await findBinaries(account)
  const data = join(options.directory, 'data')
  const version = await readFile(join(data, 'PG_VERSION'), 'utf8').catch(() => undefined)
  if (version === undefined) await initialise(binaries, account, options)
  else if (version.trim() !== MAJOR_VERSION) {
    throw new UserError(
      `${data} was created by PostgreSQL ${version.trim()}, but this is ${MAJOR_VERSION}: start it with ` +
        'the release of relay-mcp that created it.',
    )
  }
  options.signal?.throwIfAborted()
  await clearStaleLock(data)
  options.signal?.throwIfAborted()
  const password = await readFile(passwordPath(options), 'utf8')
  const { child, port } = await serve(binaries, account, options)

  return {
    pid: child.pid,
    connection: (database) => ({ host: '127.0.0.1', port, user: SUPERUSER, password, database }),
    exited: child.exited,
    stop: () => child.stop(STOP_SIGNALS, 2000),
  }
}

/** Creates the database files in a draft folder, renamed when complete: an interrupted start leaves none. */
async function initialise(binaries: Binaries, account: Account | undefined, o: PostgresOptions) {
  const draft = join(o.directory, 'draft')
  // Retried, because processes of a killed initdb may still be writing.
  await rm(draft, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
  await mkdir(draft, { mode: 0o700 })
  const password = randomBytes(24).toString('base64url')
  // Flushed like the database itself, which is of no use without it.
  await writeFile(passwordPath(o), password, { mode: 0o600, flush: true })
  const cluster = join(draft, 'data')
  const maker = account && initdbAccount()
  const passwordFile = join(draft, 'password')
  await copyFile(passwordPath(o), passwordFile)
  if (maker) {
    await giveTo(maker, draft)
    // initdb must be able to enter the folder, which is otherwise private to its owner.
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
    { ...createSpawnOptions(maker), lastSignal: 'KILL' },
  )
  const said = followErrors(child)
  // The next start removes the draft.
  const end = await endWith(o.signal, () => child.stop(['SIGKILL'], 0), child.exited)
  if (end !== 'exit code 0') throw new UserError(`initdb failed (${end}): ${said.last()}`)
  if (account) {
    await giveTo(account, draft)
    await chmod(o.directory, 0o700)
    await chown(passwordPath(o), account.uid, account.gid)
  }
  await rename(cluster, join(o.directory, 'data'))
  await rm(draft, { recursive: true })
}

async function serve(binaries: Binaries, account: Account | undefined, o: PostgresOptions) {
  // Another program can take a free port before PostgreSQL opens it.
  for (let attempt = 1; ; attempt += 1) {
    const port = o.port ?? (await findFreePort())
    const settings = {
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      port,
      max_connections: o.maxConnections,
      log_destination: 'stderr',
      // The last line may be shown to a person.
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
      { ...createSpawnOptions(account), lastSignal: o.durable ? 'INT' : 'QUIT' },
    )
    const said = followErrors(child)
    const ready = Promise.race([said.until(READY), child.exited])
    const ended = await endWith(o.signal, () => child.stop(STOP_SIGNALS, 2000), ready)
    if (ended === undefined) return { child, port }
    o.signal?.throwIfAborted()
    const [, pid] = said.find(/Is another postmaster \(PID (\d+)\)/) ?? []
    if (pid) {
      throw new UserError(
        `The PostgreSQL of an earlier start still works in ${o.directory} (process ${pid}). ` +
          `End it with "kill -INT ${pid}", then try again.`,
      )
    }
    if (attempt === 3 || !said.find(/Address already in use/)) {
      throw new UserError(`PostgreSQL did not start (${ended}): ${said.last()}`)
    }
  }
}

/** Awaits `work`, and calls `end` if the signal is aborted meanwhile. */
async function endWith<T>(
  signal: AbortSignal | undefined,
  end: () => unknown,
  work: Promise<T>,
): Promise<T> {
  if (signal?.aborted) end()
  signal?.addEventListener('abort', end)
  try {
    return await work
  } finally {
    signal?.removeEventListener('abort', end)
  }
}

// Settings of the person's own PostgreSQL (PGDATA, PGOPTIONS, a language) must not affect ours, and its
// account may not be able to enter the working directory.
function createSpawnOptions(account: Account | undefined) {
  return {
    ...account,
    cwd: '/',
    env: { PATH: process.env.PATH, LC_MESSAGES: 'C', TZ: 'UTC' },
    stdio: ['ignore', 'ignore', 'pipe'] as ['ignore', 'ignore', 'pipe'],
  }
}

/** Reads a child's stderr and keeps the last lines for an error message. */
function followErrors({ process: { stderr } }: Child) {
  const kept: string[] = []
  const reader = createInterface({ input: stderr as NodeJS.ReadableStream })
  reader.on('line', (line) => {
    if (!TOO_EARLY.test(line) && kept.push(line) > 20) kept.shift()
  })
  return {
    find: (pattern: RegExp) => pattern.exec(kept.join('\n')),
    last() {
      const fault = kept.findIndex((line) => /FATAL|PANIC|error:/.test(line))
      const hint = kept.slice(fault + 1).find((line) => line.startsWith('HINT:'))
      return [kept.at(fault) ?? 'no output', ...(hint ? [hint] : [])].join(' ')
    },
    until: (pattern: RegExp) =>
      new Promise<undefined>((resolve) => {
        reader.on('line', (line) => pattern.test(line) && resolve(undefined))
      }),
  }
}

function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}

const passwordPath = ({ directory }: PostgresOptions) => join(directory, 'password')
