/** Compares each tool with its alternatives, one call at a time. */
import { randomUUID } from 'node:crypto'
import { withClient } from '../scripts/local/supabase/roles.ts'
import { type Contender, rpc } from './bed.ts'
import type { Contenders } from './contenders.ts'
import { formatTable, measureMedians } from './figures.ts'

const SAMPLES = 300
/** Enough for times of 20 ms and more. */
const FAR_SAMPLES = 40
/** The round trip to a database in another city, in ms. */
const FAR_MS = 20

type Call = [tool: string, args: Record<string, unknown>]

const POST = { thread_name: 'thread-1', surface: 'code', content: 'News. '.repeat(50) }

/** One call of each tool, with arguments that relay-mcp 0.1.0 also accepts. */
const CALLS: (() => Call)[] = [
  () => ['relay_list_threads', {}],
  () => ['relay_create_thread', { name: `new-${randomUUID()}` }],
  () => ['relay_post_message', POST],
  () => ['relay_read_thread', { thread_name: 'thread-2' }],
  () => ['relay_check_new', { thread_name: 'thread-3', reader_tag: 'caught-up' }],
  () => ['relay_archive_thread', { thread_name: 'thread-100' }],
]

export async function compareCalls(contenders: Contenders): Promise<string> {
  const rows: string[][] = []
  for (const call of CALLS) rows.push(await compareCall(contenders, call))
  return formatTable(
    'One call at a time. Requests to the database of the relay and of 0.1.0’s pattern; the time of the relay over that of a Worker that only forwards the call; the times of the tools with the SDK and of 0.1.0’s pattern, with the database near and 20 ms away, over that of the relay',
    ['tool', 'requests', '0.1.0', 'relay, ms', 'over forwarding', 'SDK', '0.1.0', '0.1.0 far'],
    rows,
  )
}

async function compareCall(contenders: Contenders, call: () => Call): Promise<string[]> {
  const { relay, forward, sdk, tables, farRelay, endpoints } = contenders
  await removeNewThreads(contenders)
  const ofRelay = await recordRequests(contenders, farRelay, call())
  const ofTables = await recordRequests(contenders, tables, call())
  const [tool] = call()
  const args = JSON.parse(ofRelay[0]?.body ?? '')
  const near = await measureMedians(
    {
      relay: () => relay.call(...call()),
      forward: () => rpc(forward.url, tool, renew(args)),
      sdk: () => sdk.call(...call()),
      tables: () => tables.call(...call()),
    },
    SAMPLES,
  )
  endpoints.delay = FAR_MS
  const far = await measureMedians(
    { relay: () => farRelay.call(...call()), tables: () => tables.call(...call()) },
    FAR_SAMPLES,
  )
  endpoints.delay = 0
  return [
    tool,
    String(ofRelay.length),
    String(ofTables.length),
    near.relay.toFixed(1),
    (near.relay / near.forward).toFixed(2),
    (near.sdk / near.relay).toFixed(2),
    (near.tables / near.relay).toFixed(2),
    (far.tables / far.relay).toFixed(2),
  ]
}

/** Removes the threads that calls have created, because 0.1.0's pattern lists all threads. */
function removeNewThreads({ connection }: Contenders) {
  return withClient(connection, (client) =>
    client.query(`delete from public.relay_threads where name like 'new-%'`),
  )
}

async function recordRequests({ endpoints }: Contenders, contender: Contender, call: Call) {
  endpoints.requests.length = 0
  await contender.call(...call)
  return [...endpoints.requests]
}

/** Replaces values that must be unique: message ids chosen by the Worker, and thread names. */
function renew(args: Record<string, unknown>): Record<string, unknown> {
  return {
    ...args,
    ...('p_message_id' in args && { p_message_id: randomUUID() }),
    ...('p_name' in args && { p_name: `new-${randomUUID()}` }),
  }
}
