/** The relay next to other ways to do the same, on one database of 10,000 messages in 100 threads. */
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { PROJECT } from '../scripts/lib/project.ts'
import { withClient } from '../scripts/local/supabase/roles.ts'
import { type Bundle, bundleOther } from '../scripts/local/workerd/bundle.ts'
import { type Bed, type Contender, rpc } from './bed.ts'
import { sizeOf } from './fill.ts'
import { median, medians, perSecond } from './measure.ts'
import { startTableEndpoints, type TableEndpoints } from './table-endpoints.ts'

const SIZE = sizeOf(100)
const SAMPLES = 300
/** Enough for times that are 20 ms and more. */
const FAR_SAMPLES = 40
/** A database in another city. */
const FAR_MS = 20
const WIDTH = 16
const POSTS = 400
const ROUNDS = 3

const WORKERS = fileURLToPath(new URL('workers/', import.meta.url))

type Call = [tool: string, args: Record<string, unknown>]

/** One call of each tool that relay-mcp 0.1.0 knows too. */
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
  relay: Contender
  sdk: Contender
  /** Where the bare calls go, straight and through a Worker. */
  bare: { gateway: string; worker: string }
  /** The relay again, and the stand-in for 0.1.0, on a database whose answers can be delayed. */
  delayed: { relay: Contender; tables: Contender; endpoints: TableEndpoints }
  /** Removes the threads that calls have created: the stand-in lists them all. */
  removeNewThreads(): Promise<void>
}

export type Bundles = Record<'relay' | 'sdk' | 'tables' | 'bare', Bundle>

/** Bundles all Workers; the files that wrangler makes of them stay in `folder`. */
export async function bundleAll(folder: string): Promise<Bundles> {
  const bundle = (name: string, main: string) => bundleOther(main, uploadPath(folder, name))
  const bundleWorkerOf = (name: string) => bundle(name, join(WORKERS, `${name}.ts`))
  return {
    relay: await bundle('relay', join(PROJECT, 'src/index.ts')),
    sdk: await bundleWorkerOf('sdk'),
    tables: await bundleWorkerOf('tables'),
    bare: await bundleWorkerOf('bare'),
  }
}

export const uploadPath = (folder: string, name: string) => join(folder, `${name}.upload`)

export async function startContenders(bed: Bed, bundles: Bundles): Promise<Contenders> {
  const { connection, gateway } = await bed.database(SIZE)
  const endpoints = await startTableEndpoints(connection, gateway)
  bed.onEnd(endpoints.stop)
  return {
    relay: await bed.worker(bundles.relay, gateway.url),
    sdk: await bed.worker(bundles.sdk, gateway.url),
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
  /** The bare call through a Worker that only passes it on. */
  worker_ms: number
  /** The bare call straight to the gateway. */
  gateway_ms: number
  /** The same with the gateway 20 ms away. */
  far: { relay_ms: number; gateway_ms: number }
}

/** Each tool through /mcp, and the same call of the same SQL function without it. */
export async function measureOverhead(contenders: Contenders): Promise<ToolOverhead[]> {
  const { relay, bare, delayed } = contenders
  const rows: ToolOverhead[] = []
  for (const call of CALLS) {
    await contenders.removeNewThreads()
    const [tool] = call()
    const sent = await requestsOf(delayed.endpoints, delayed.relay, call())
    const args = JSON.parse(sent[0]?.body ?? '')
    const times = await medians(
      {
        gateway: () => rpc(bare.gateway, tool, renewed(args)),
        worker: () => rpc(bare.worker, tool, renewed(args)),
        relay: () => relay.call(...call()),
      },
      SAMPLES,
    )
    delayed.endpoints.delay = FAR_MS
    const far = await medians(
      {
        gateway: () => rpc(`${delayed.endpoints.url}/rest/v1/rpc`, tool, renewed(args)),
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

/** What must not be the same twice: ids that the Worker chooses, and names of threads. */
function renewed(args: Record<string, unknown>): Record<string, unknown> {
  return {
    ...args,
    ...('p_message_id' in args && { p_message_id: randomUUID() }),
    ...('p_name' in args && { p_name: `new-${randomUUID()}` }),
  }
}

async function requestsOf(endpoints: TableEndpoints, contender: Contender, call: Call) {
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

/** Each tool in one request, and in as many as 0.1.0 makes. */
export async function measureAccessPattern(contenders: Contenders): Promise<AccessPattern[]> {
  const { relay, delayed } = contenders
  const { tables, endpoints } = delayed
  const rows: AccessPattern[] = []
  for (const call of CALLS) {
    await contenders.removeNewThreads()
    const relayRequests = (await requestsOf(endpoints, delayed.relay, call())).length
    const tablesRequests = (await requestsOf(endpoints, tables, call())).length
    // Near, each straight to what answers it: the endpoints only hand on what is for the gateway.
    const near = await medians(
      { relay: () => relay.call(...call()), tables: () => tables.call(...call()) },
      SAMPLES,
    )
    endpoints.delay = FAR_MS
    const far = await medians(
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

/** The same tools behind our dispatch, and behind that of the official SDK. */
export async function measureDispatch(contenders: Contenders): Promise<Dispatch[]> {
  const { relay, sdk } = contenders
  const rows: Dispatch[] = []
  for (const call of CALLS) {
    await contenders.removeNewThreads()
    const times = await medians(
      { relay: () => relay.call(...call()), sdk: () => sdk.call(...call()) },
      SAMPLES,
    )
    rows.push({ tool: call()[0], relay_ms: times.relay, sdk_ms: times.sdk })
  }
  return rows
}

export interface Throughput {
  threads: number
  relay_per_s: number
  sdk_per_s: number
  tables_per_s: number
}

/** Posts in a second, 16 at a time, into one thread and into many. */
export async function measureThroughput(contenders: Contenders): Promise<Throughput[]> {
  const { relay, sdk, delayed } = contenders
  const rows: Throughput[] = []
  for (const threads of [1, 100]) {
    let n = 0
    const rates = { relay: [] as number[], sdk: [] as number[], tables: [] as number[] }
    const all = { relay, sdk, tables: delayed.tables }
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const name of ['relay', 'sdk', 'tables'] as const) {
        const run = () => all[name].call('relay_post_message', post(`busy-${n++ % threads}`))
        rates[name].push(await perSecond(run, WIDTH, POSTS))
      }
    }
    rows.push({
      threads,
      relay_per_s: median(rates.relay),
      sdk_per_s: median(rates.sdk),
      tables_per_s: median(rates.tables),
    })
  }
  return rows
}
