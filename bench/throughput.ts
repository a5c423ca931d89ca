/**
 * Calls per second with 16 callers, against the access pattern of 0.1.0: bursts in turn, A B A B, so that
 * other load on the machine affects both. Reports the median ratio of the pairs, and what each part of
 * the relay spent on a call, which tells more than time on a machine that is full. Posts are compared with
 * a Worker that only forwards them, too: no relay can be faster than that.
 */
import { withClient } from '../scripts/local/supabase/roles.ts'
import type { Bed, Contender } from './bed.ts'
import { startCaller } from './caller.ts'
import type { Contenders } from './contenders.ts'
import { formatTable, measureCpu, median, PARTS, type Parts } from './figures.ts'

const WIDTH = 16
const PAIRS = 5

interface Scenario {
  name: string
  tool: string
  /** `#` is 1 to `variety`, in turn, and `%` the number of the caller. */
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

/** Callers are different readers: calls of one reader take turns. */
const NEWS = { thread_name: 'thread-#', reader_tag: 'burst-%' }
const FORGET = `delete from public.relay_read_cursors where reader_tag like 'burst-%'`
const THREAD = { thread_name: 'thread-#' }

/** The first two are bounds of the design; the sizes of a message are 300 bytes, 3 KB and 30 KB. */
const SCENARIOS: Scenario[] = [
  post('post into one thread', 'busy', 1, 300),
  post('post into 100 threads', 'busy-#', 100, 300),
  post('the same, 3 KB each', 'busy-#', 100, 3_000),
  post('the same, 30 KB each', 'busy-#', 100, 30_000),
  { name: 'read 50', tool: 'relay_read_thread', args: THREAD, variety: 100, count: 200 },
  { name: 'check 100 new', tool: 'relay_check_new', args: NEWS, variety: 100, count: 100 },
]

interface Cost {
  perSecond: number
  /** Microseconds per call. */
  cpu: Parts<number>
}

export async function measureThroughput(bed: Bed, contenders: Contenders): Promise<string> {
  const caller = startCaller()
  bed.onEnd(caller.stop)

  async function measureBurst({ name: _, ...scenario }: Scenario, contender: Contender) {
    // Each burst finds everything unread. New readers instead would soon be refused.
    await withClient(contenders.connection, (client) => client.query(FORGET))
    const { url, key } = contender
    const burst = { ...scenario, url, key, width: WIDTH }
    let perSecond = 0
    const cpu = await measureCpu(bed.processes(contender), async () => {
      const { seconds, refusals } = await caller.run(burst)
      if (refusals.length > 0) throw new Error(`${scenario.tool}: ${refusals[0]}`)
      perSecond = burst.count / seconds
    })
    for (const part of PARTS) cpu[part] /= burst.count
    return { perSecond, cpu }
  }

  async function measureScenario(scenario: Scenario): Promise<string[]> {
    const { relay, forward, tables } = contenders
    const isPost = scenario.tool === 'relay_post_message'
    const by = { relay, ...(isPost && { forward }), tables }
    const costs: Record<keyof typeof by, Cost[]> = { relay: [], forward: [], tables: [] }
    for (let pair = -1; pair < PAIRS; pair += 1) {
      for (const [name, contender] of Object.entries(by)) {
        const cost = await measureBurst(scenario, contender)
        // The first pair opens connections and compiles code.
        if (pair >= 0) costs[name as keyof typeof by].push(cost)
      }
    }
    const compare = (list: Cost[]) =>
      median(list.map((cost, pair) => cost.perSecond / (costs.tables[pair] as Cost).perSecond))
    const format = (list: Cost[], pick: (cost: Cost) => number) => median(list.map(pick)).toFixed(0)
    const sum = ({ cpu }: Cost) => cpu.Worker + cpu.gateway + cpu.PostgreSQL
    return [
      scenario.name,
      compare(costs.relay).toFixed(2),
      isPost ? compare(costs.forward).toFixed(2) : '',
      ...PARTS.map((part) => format(costs.relay, ({ cpu }) => cpu[part])),
      format(costs.relay, sum),
      format(costs.tables, sum),
    ]
  }

  const measured: string[][] = []
  for (const scenario of SCENARIOS) measured.push(await measureScenario(scenario))
  return formatTable(
    'Calls per second with 16 callers, over those of 0.1.0’s pattern; the same for a Worker that only forwards posts; then for one call the microseconds of CPU of each part, of all, and of all with 0.1.0’s pattern',
    ['call', 'ratio', 'limit', ...PARTS, 'all', '0.1.0'],
    measured,
  )
}
