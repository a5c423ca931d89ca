/** Starts what the benchmark runs on: a durable PostgreSQL, gateways and Workers. */
import { chown, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { McpClient } from '../scripts/lib/mcp-client.ts'
import { postgresAccount } from '../scripts/local/postgres/account.ts'
import { type Connection, startPostgres } from '../scripts/local/postgres/server.ts'
import { type Gateway, startGateway } from '../scripts/local/supabase/gateway.ts'
import { createRoles } from '../scripts/local/supabase/roles.ts'
import type { Bundle } from '../scripts/local/workerd/bundle.ts'
import { startWorker, type Worker } from '../scripts/local/workerd/worker.ts'
import { familyOf, type Parts } from './figures.ts'
import { fill, USER } from './fill.ts'

const SERVICE_KEY = 'sb_secret_for_the_benchmark'
const API_KEY = 'benchmark'.repeat(5)

export interface Bed extends AsyncDisposable {
  /** Creates a database with that many threads and a gateway to it. */
  database(threads: number): Promise<{ connection: Connection; gateway: Gateway }>
  /** Starts a Worker that uses the Supabase at `supabaseUrl`. */
  worker(bundle: Bundle, supabaseUrl: string): Promise<Contender>
  /** The processes that take part in a call of this Worker. */
  processes(contender: Contender): Parts<() => number[]>
  /** Registers something to stop at the end. */
  onEnd(stop: () => unknown): void
}

export interface Contender {
  url: string
  key: string
  pid: number
  /** Calls a tool. Throws if it is refused. */
  call(tool: string, args: Record<string, unknown>): Promise<void>
}

export async function startBed(): Promise<Bed> {
  const directory = await mkdtemp(join(tmpdir(), 'relay-bench-'))
  const stops: (() => unknown)[] = [() => rm(directory, { recursive: true })]
  const account = postgresAccount(directory)
  if (account) await chown(directory, account.uid, account.gid)
  const postgres = await startPostgres({ directory, durable: true, maxConnections: 120 })
  stops.push(postgres.stop)
  await createRoles(postgres.connection('postgres'))
  let databases = 0

  return {
    async database(threads) {
      databases += 1
      const connection = postgres.connection(`bench_${databases}`)
      await fill(connection, threads)
      const gateway = await startGateway({ connection, keys: { service: SERVICE_KEY } })
      stops.push(gateway.stop)
      return { connection, gateway }
    },

    async worker(bundle, supabaseUrl) {
      const bindings = {
        RELAY_API_KEY: API_KEY,
        RELAY_USER_ID: USER,
        RELAY_HOSTS: '127.0.0.1',
        SUPABASE_URL: supabaseUrl,
        SUPABASE_SERVICE_KEY: SERVICE_KEY,
      }
      const worker = await startWorker({ bundle, bindings, onLine: () => {} })
      stops.push(worker.stop)
      return createContender(worker)
    },

    processes: ({ pid }) => ({
      Worker: () => [pid],
      gateway: () => [process.pid],
      PostgreSQL: () => familyOf(postgres.pid),
    }),

    onEnd: (stop) => stops.push(stop),

    async [Symbol.asyncDispose]() {
      for (const stop of stops.toReversed()) await stop()
    },
  }
}

function createContender({ url, pid }: Worker): Contender {
  const client = new McpClient(url, API_KEY)
  return {
    url,
    pid,
    key: API_KEY,
    async call(tool, args) {
      const { status, body } = await client.modern('tools/call', { name: tool, arguments: args })
      if (!body?.result || body.result.isError) {
        throw new Error(`${tool}: ${status} ${JSON.stringify(body)}`)
      }
    },
  }
}

/** Calls an SQL function through a Worker that forwards the call. */
export async function rpc(url: string, fn: string, args: unknown): Promise<void> {
  const response = await fetch(`${url}/${fn}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(args),
  })
  const body = await response.text()
  if (!response.ok) throw new Error(`${fn}: ${response.status} ${body}`)
  JSON.parse(body)
}
