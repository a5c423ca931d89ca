/** Connects a command to the embedded database, and starts it if `npm start` is not running. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Client } from 'pg'
import { UserError } from '../lib/user-error.ts'
import { type DataDirectoryLock, lockDataDirectory } from './data-directory-lock.ts'
import { ensureClusterDirectory } from './postgres/directory.ts'
import { type Connection, type Postgres, SUPERUSER, startPostgres } from './postgres/server.ts'
import { prepareDatabase } from './supabase/migrate.ts'
import { DATABASE } from './supabase/roles.ts'

export interface HomeDatabase extends AsyncDisposable {
  place: string
  // biome-ignore lint/suspicious/noExplicitAny: callers know what their function returns.
  call(fn: string, args: Record<string, unknown>): Promise<any>
}

export async function openHomeDatabase(dataDirectory: string): Promise<HomeDatabase> {
  const { connection, stop } = await reachHomeDatabase(dataDirectory)
  const client = new Client(connection)
  client.on('error', () => {})
  const close = async () => {
    await client.end().catch(() => {})
    await stop()
  }
  try {
    await client.connect()
    // The API does the same: a command may do no more than the Worker.
    await client.query('set role service_role')
  } catch (error) {
    await close()
    throw error
  }
  return {
    place: `the database in ${dataDirectory}`,
    async call(fn, args) {
      const names = Object.keys(args).map((name, index) => `${name} => $${index + 1}`)
      const values = Object.values(args).map((value) =>
        typeof value === 'object' && value !== null ? JSON.stringify(value) : value,
      )
      const sql = `select public.${fn}(${names.join(', ')}) as result`
      const { rows } = await client.query(sql, values)
      return rows[0].result
    },
    [Symbol.asyncDispose]: close,
  }
}

export interface Reached {
  /** The superuser's connection. */
  connection: Connection
  /** Stops the database if it was started here. */
  stop(): Promise<void>
}

/** Finds the database of a running `npm start`, or starts it. */
export async function reachHomeDatabase(dataDirectory: string): Promise<Reached> {
  let lock: DataDirectoryLock
  try {
    lock = lockDataDirectory(dataDirectory)
  } catch (error) {
    if (error instanceof UserError) return findRunning(dataDirectory, error)
    throw error
  }
  let postgres: Postgres | undefined
  const stop = async () => {
    // It would keep this process from ending.
    await postgres?.stop()
    lock.release()
  }
  try {
    const { path: directory } = await ensureClusterDirectory(dataDirectory)
    postgres = await startPostgres({ directory, durable: true, maxConnections: 20 })
    const connection = await prepareDatabase(postgres)
    return { connection, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Finds the PostgreSQL of a running `npm start`, whose own lock file contains its port. */
async function findRunning(dataDirectory: string, inUse: UserError): Promise<Reached> {
  const path = join(dataDirectory, 'postgres')
  const pidFile = await readFile(join(path, 'data', 'postmaster.pid'), 'utf8').catch(() => '')
  const port = Number(pidFile.split('\n')[3])
  if (!port) throw inUse
  const password = await readFile(join(path, 'password'), 'utf8')
  const connection = { host: '127.0.0.1', port, user: SUPERUSER, password, database: DATABASE }
  // The file may be that of an earlier run, while this one is still starting.
  const probe = new Client(connection)
  probe.on('error', () => {})
  await probe.connect().catch((error: Error) => {
    throw new UserError(
      `The database of the npm start that runs on ${dataDirectory} does not answer (${error.message}): try ` +
        'again in a moment.',
    )
  })
  await probe.end()
  return { connection, async stop() {} }
}
