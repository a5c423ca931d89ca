/** Compares the relay with alternatives, on one database of 10,000 messages in 100 threads. */
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { PROJECT } from '../scripts/lib/project.ts'
import type { Connection } from '../scripts/local/postgres/server.ts'
import { withClient } from '../scripts/local/supabase/roles.ts'
import { type Bundle, bundleOther } from '../scripts/local/workerd/bundle.ts'
import { type Bed, type Contender, rpc } from './bed.ts'
import { sizeOf } from './fill.ts'
import { measureMedians } from './measure.ts'
import { startTableEndpoints, type TableEndpoints } from './table-endpoints.ts'

const SIZE = sizeOf(100)
const SAMPLES = 300
/** Enough for times of 20 ms and more. */
const FAR_SAMPLES = 40
/** The round trip to a database in another city, in ms. */
const FAR_MS = 20

const WORKERS = fileURLToPath(new URL('workers/', import.meta.url))

type Call = [tool: string, args: Record<string, unknown>]

/** One call of each tool, with arguments that relay-mcp 0.1.0 also accepts. */
const CALLS: (() => Call)[] = [
  () => ['relay_list_threads', {}],
  () => ['relay_create_thread', { name: `new-${randomUUID()}` }],
  () => ['relay_post_message', post('thread-1')],
  () => ['relay_read_thread', { thread_name: 'thread-2' }],
  () => ['relay_check_new', { thread_name: 'thread-3', reader_tag: 'caught-up' }],
  () => ['relay_archive_thread', { thread_name: 'thread-100' }],
]

const post = (thread_name: string) => ({
  thread_name,
  surface: 'code',
  content: 'News. '.repeat(50),
})

export interface Contenders {
  connection: Connection
  relay: Contender
  sdk: Contender
  /** Does nothing for a post but to pass it on. */
  floor: Contender
  /** The targets of bare calls: directly, and through a Worker. */
  bare: { gateway: string; worker: string }
  /** The relay and the stand-in for 0.1.0 on a database whose answers can be delayed. */
  delayed: { relay: Contender; tables: Contender; endpoints: TableEndpoints }
  /** Removes the threads that calls have created, because the stand-in lists all threads. */
  removeNewThreads(): Promise<void>
}

export type Bundles = Record<'relay' | 'sdk' | 'tables' | 'bare' | 'floor', Bundle>

/** Bundles all Workers; wrangler writes its files to `folder`. */
export async function bundleAll(folder: string): Promise<Bundles> {
  const bundle = (name: string, main: string) => bundleOther(main, uploadPath(folder, name))
  const bundleHere = (name: string) => bundle(name, join(WORKERS, `${name}.ts`))
  return {
    relay: await bundle('relay', join(PROJECT, 'src/index.ts')),
    sdk: await bundleHere('sdk'),
    tables: await bundleHere('tables'),
    bare: await bundleHere('bare'),
    floor: await bundleHere('floor'),
  }
}

export const uploadPath = (folder: string, name: string) => join(folder, `${name}.upload`)

export async function startContenders(bed: Bed, bundles: Bundles): Promise<Contenders> {
  const { connection, gateway } = await bed.database(SIZE)
  const endpoints = await startTableEndpoints(connection, gateway)
  bed.onEnd(endpoints.stop)
  return {
    connection,
    relay: await bed.worker(bundles.relay, gateway.url),
    sdk: await bed.worker(bundles.sdk, gateway.url),
    floor: await bed.worker(bundles.floor, gateway.url),
    bare: {
      gateway: `${gateway.url}/rest/v1/rpc`,
      worker: (await bed.worker(bundles.bare, gateway.url)).url,
    },
    delayed: {
      relay: await bed.worker(bundles.relay, endpoints.url),
      tables: await bed.worker(bundles.tables, endpoints.url),
      endpoints,
    },
    removeNewThreads: () =>
      withClient(connection, async (client) => {
        await client.query(`delete from public.relay_threads where name like 'new-%'`)
      }),
  }
}

export interface ToolOverhead {
  tool: string
  relay_ms: number
  /** The bare call through a Worker that only forwards it. */
  worker_ms: number
  /** The bare call, directly to the gateway. */
  gateway_ms: number
  /** The same with the gateway 20 ms away. */
  far: { relay_ms: number; gateway_ms: number }
}

/** Measures each tool through /mcp, and a direct call of the same SQL function. */
export async function measureOverhead(contenders: Contenders): Promise<ToolOverhead[]> {
  const { relay, bare, delayed } = contenders
  const rows: ToolOverhead[] = []
  for (const call of CALLS) {
    await contenders.removeNewThreads()
    const [tool] = call()
    const sent = await recordRequests(delayed.endpoints, delayed.relay, call())
    const args = JSON.parse(sent[0]?.body ?? '')
    const times = await measureMedians(
      {
        gateway: () => rpc(bare.gateway, tool, renew(args)),
        worker: () => rpc(bare.worker, tool, renew(args)),
        relay: () => relay.call(...call()),
      },
      SAMPLES,
    )
    delayed.endpoints.delay = FAR_MS
    const far = await measureMedians(
      {
        gateway: () => rpc(`${delayed.endpoints.url}/rest/v1/rpc`, tool, renew(args)),
        relay: () => delayed.relay.call(...call()),
      },
      FAR_SAMPLES,
    )
    delayed.endpoints.delay = 0
    rows.push({
      tool,
      relay_ms: times.relay,
      worker_ms: times.worker,
      gateway_ms: times.gateway,
      far: { relay_ms: far.relay, gateway_ms: far.gateway },
    })
  }
  return rows
}

/** Replaces values that must be unique: message ids chosen by the Worker, and thread names. */
function renew(args: Record<string, unknown>): Record<string, unknown> {
  return {
    ...args,
    ...('p_message_id' in args && { p_message_id: randomUUID() }),
    ...('p_name' in args && { p_name: `new-${randomUUID()}` }),
  }
}

async function recordRequests(endpoints: TableEndpoints, contender: Contender, call: Call) {
  endpoints.requests.length = 0
  await contender.call(...call)
  return [...endpoints.requests]
}

export interface AccessPattern {
  tool: string
  /** Requests to Supabase for one call. */
  relay_requests: number
  tables_requests: number
  near: { relay_ms: number; tables_ms: number }
  /** With Supabase 20 ms away. */
  far: { relay_ms: number; tables_ms: number }
}

/** Measures each tool with one request, and with the requests that 0.1.0 makes. */
export async function measureAccessPattern(contenders: Contenders): Promise<AccessPattern[]> {
  const { relay, delayed } = contenders
  const { tables, endpoints } = delayed
  const rows: AccessPattern[] = []
  for (const call of CALLS) {
    await contenders.removeNewThreads()
    const relayRequests = (await recordRequests(endpoints, delayed.relay, call())).length
    const tablesRequests = (await recordRequests(endpoints, tables, call())).length
    // Near, the relay uses the gateway directly; the table endpoints would only forward its requests.
    const near = await measureMedians(
      { relay: () => relay.call(...call()), tables: () => tables.call(...call()) },
      SAMPLES,
    )
    endpoints.delay = FAR_MS
    const far = await measureMedians(
      { relay: () => delayed.relay.call(...call()), tables: () => tables.call(...call()) },
      FAR_SAMPLES,
    )
    endpoints.delay = 0
    rows.push({
      tool: call()[0],
      relay_requests: relayRequests,
      tables_requests: tablesRequests,
      near: { relay_ms: near.relay, tables_ms: near.tables },
      far: { relay_ms: far.relay, tables_ms: far.tables },
    })
  }
  return rows
}

export interface Dispatch {
  tool: string
  relay_ms: number
  sdk_ms: number
}

/** Measures the same tools behind our dispatch and behind that of the official SDK. */
export async function measureDispatch(contenders: Contenders): Promise<Dispatch[]> {
  const { relay, sdk } = contenders
  const rows: Dispatch[] = []
  for (const call of CALLS) {
    await contenders.removeNewThreads()
    const times = await measureMedians(
      { relay: () => relay.call(...call()), sdk: () => sdk.call(...call()) },
      SAMPLES,
    )
    rows.push({ tool: call()[0], relay_ms: times.relay, sdk_ms: times.sdk })
  }
  return rows
}
