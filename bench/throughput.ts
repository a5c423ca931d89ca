/**
 * Calls per second with 16 callers, against the access pattern of 0.1.0: bursts in turn, A B A B, so that
 * other load on the machine affects both. Reports the median ratio of the pairs, and what each part of
 * the relay spent on a call, which tells more than time on a machine that is full. Posts are compared with
 * a Worker that only passes them on, too: no relay can be faster than that.
 */
import { withClient } from '../scripts/local/supabase/roles.ts'
import type { Bed, Contender } from './bed.ts'
import type { Burst } from './caller.ts'
import { startCaller } from './caller.ts'
import type { Contenders } from './comparisons.ts'
import { familyOf, sampleCpu, usedBetween } from './cpu.ts'
import { median } from './measure.ts'

const WIDTH = 16
const PAIRS = 5

interface Scenario {
  name: string
  tool: string
  /** `#` is 1 to `variety`, in turn, `%` the number of the caller, `@` that of the burst. */
  args: Record<string, unknown>
  variety: number
  count: number
}

const post = (name: string, thread_name: string, variety: number, bytes: number): Scenario => ({
  name,
  tool: 'relay_post_message',
  args: { thread_name, surface: 'code', content: 'News, 012. '.repeat(bytes / 11) },
  variety,
  count: 300,
})

/** The first two are bounds of the design; the sizes of a message are 300 bytes, 3 KB and 30 KB. */
const SCENARIOS: Scenario[] = [
  post('post into one thread', 'busy', 1, 300),
  post('post into 100 threads', 'busy-#', 100, 300),
  post('the same, 3 KB each', 'busy-#', 100, 3_000),
  post('the same, 30 KB each', 'busy-#', 100, 30_000),
  {
    name: 'read 50',
    tool: 'relay_read_thread',
    args: { thread_name: 'thread-#' },
    variety: 100,
    count: 200,
  },
  {
    name: 'check 100 new',
    tool: 'relay_check_new',
    // Callers are different readers: calls of one reader take turns.
    args: { thread_name: 'thread-#', reader_tag: 'burst-@-%' },
    variety: 100,
    count: 100,
  },
]

export interface Cost {
  per_s: number
  /** Of a call, in ms. */
  latency: number
  /** Microseconds of CPU per call. */
  cpu: { worker: number; gateway: number; database: number }
  /** Rows that PostgreSQL read for a call. */
  rows: number
}

export interface Throughput {
  name: string
  /** Calls per second over those of 0.1.0's pattern: the median of the pairs. */
  ratio: number
  /** The same ratio for a Worker that only passes posts on. */
  floor?: number
  relay: Cost
  tables: Cost
}

export async function measureThroughput(bed: Bed, contenders: Contenders): Promise<Throughput[]> {
  const caller = startCaller()
  bed.onEnd(caller.stop)
  const measured: Throughput[] = []
  let bursts = 0
  let rows = await countRows(contenders)

  async function measureBurst({ name: _, ...scenario }: Scenario, contender: Contender) {
    bursts += 1
    const parts = {
      worker: () => [contender.pid],
      gateway: () => [process.pid],
      database: () => familyOf(bed.postgresPid),
    }
    const text = JSON.stringify(scenario.args).replaceAll('@', String(bursts))
    const burst: Burst = {
      ...scenario,
      args: JSON.parse(text),
      url: contender.url,
      key: contender.key,
      width: WIDTH,
    }
    const before = sampleCpu(parts)
    const { seconds, latencies, refusals } = await caller.run(burst)
    const after = sampleCpu(parts)
    if (refusals.length > 0) throw new Error(`${scenario.tool}: ${refusals[0]}`)
    const rowsBefore = rows
    rows = await countRows(contenders)
    const each = (part: keyof typeof parts) => usedBetween(before, after, part) / burst.count
    return {
      per_s: burst.count / seconds,
      latency: median(latencies),
      cpu: { worker: each('worker'), gateway: each('gateway'), database: each('database') },
      rows: (rows - rowsBefore) / burst.count,
    }
  }

  for (const scenario of SCENARIOS) {
    const costs = { relay: [] as Cost[], floor: [] as Cost[], tables: [] as Cost[] }
    const by = {
      relay: contenders.relay,
      ...(scenario.tool === 'relay_post_message' && { floor: contenders.floor }),
      tables: contenders.delayed.tables,
    }
    for (let pair = -1; pair < PAIRS; pair += 1) {
      for (const [name, contender] of Object.entries(by) as [keyof typeof costs, Contender][]) {
        const cost = await measureBurst(scenario, contender)
        // The first pair opens connections and compiles code.
        if (pair >= 0) costs[name].push(cost)
      }
    }
    const compare = (list: Cost[]) =>
      median(list.map(({ per_s }, pair) => per_s / (costs.tables[pair]?.per_s ?? Number.NaN)))
    measured.push({
      name: scenario.name,
      ratio: compare(costs.relay),
      ...(by.floor && { floor: compare(costs.floor) }),
      relay: takeMedians(costs.relay),
      tables: takeMedians(costs.tables),
    })
  }
  return measured
}

/** Rows read in the database so far. Sessions report them with a delay of a second. */
function countRows({ connection }: Contenders): Promise<number> {
  return withClient(connection, async (client) => {
    await new Promise((resolve) => setTimeout(resolve, 1_100))
    const { rows } = await client.query<{ read: string }>(
      'select sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) as read from pg_stat_user_tables',
    )
    return Number(rows[0]?.read)
  })
}

function takeMedians(costs: Cost[]): Cost {
  const of = (pick: (cost: Cost) => number) => median(costs.map(pick))
  return {
    per_s: of(({ per_s }) => per_s),
    latency: of(({ latency }) => latency),
    cpu: {
      worker: of(({ cpu }) => cpu.worker),
      gateway: of(({ cpu }) => cpu.gateway),
      database: of(({ cpu }) => cpu.database),
    },
    rows: of(({ rows }) => rows),
  }
}
