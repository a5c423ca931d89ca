/** Measures how long calls that return the same rows take as the database grows. */
import { randomUUID } from 'node:crypto'
import type { Bundle } from '../scripts/local/workerd/bundle.ts'
import type { Bed, Contender } from './bed.ts'
import { formatTable, measureMedians } from './figures.ts'
import { MESSAGES_PER_THREAD } from './fill.ts'

const SAMPLES = 150

/** Numbers of threads. */
const SIZES = [10, 100, 1_000, 10_000]

interface GrowthCall {
  name: string
  tool: string
  args: Record<string, unknown>
  /** The design's bound for the largest size over the first; without one, the ratio is only reported. */
  bound?: number
  /** The number of threads to compare with, if the smallest size has too few rows. */
  from?: number
}

const LIST = 'relay_list_threads'
const READ = 'relay_read_thread'
const CHECK = 'relay_check_new'
const POST = { thread_name: 'thread-1', surface: 'code', content: 'News. '.repeat(50) }
const HALF = { thread_name: 'thread-3', reader_tag: 'half-way', peek: true }
const NOTHING = { thread_name: 'thread-3', reader_tag: 'caught-up' }
const OPEN = { thread_name: 'thread-4', archived: false }

/** `@` in an argument becomes a new UUID in each call. */
const CALLS: GrowthCall[] = [
  { name: 'post', tool: 'relay_post_message', args: POST, bound: 1.5 },
  { name: 'read 50', tool: READ, args: { thread_name: 'thread-2' }, bound: 1.5 },
  { name: 'check one thread, 50 new', tool: CHECK, args: HALF, bound: 1.5 },
  { name: 'check one thread, nothing new', tool: CHECK, args: NOTHING, bound: 1.5 },
  { name: 'create', tool: 'relay_create_thread', args: { name: 'new-@' }, bound: 1.5 },
  { name: 'archive', tool: 'relay_archive_thread', args: OPEN, bound: 1.5 },
  { name: 'list 100', tool: LIST, args: {}, bound: 1.5, from: 100 },
  { name: 'list 100 with unread', tool: LIST, args: { reader_tag: 'half-way' }, from: 100 },
  {
    name: 'check all threads, nothing new',
    tool: CHECK,
    args: { reader_tag: 'caught-up' },
    bound: 3,
  },
  { name: 'search a rare word', tool: READ, args: { query: 'zanzibar' }, bound: 3 },
  { name: 'search a common phrase', tool: READ, args: { query: '"open question"' } },
  { name: 'list filtered by query', tool: LIST, args: { query: 'topic 9' } },
]

export interface Growth {
  name: string
  bound: number | undefined
  /** In ascending order, starting with the size that the others are compared with. */
  sizes: { threads: number; ms: number }[]
}

/** Fills all databases first, then times each call on them in turn. */
export async function measureGrowth(
  bed: Bed,
  relay: Bundle,
  say: (sentence: string) => void,
): Promise<Growth[]> {
  const contenders: [threads: number, Contender][] = []
  for (const threads of SIZES) {
    say(`filling ${formatMessages(threads)} messages`)
    const { gateway } = await bed.database(threads)
    contenders.push([threads, await bed.worker(relay, gateway.url)])
  }
  const rows: Growth[] = []
  for (const { name, tool, args, bound, from = 0 } of CALLS) {
    say(name)
    const template = JSON.stringify(args)
    const compared = contenders.filter(([threads]) => threads >= from)
    const timed = compared.map(([threads, contender]) => {
      const call = () => contender.call(tool, JSON.parse(template.replace('@', randomUUID())))
      return [threads, call] as const
    })
    const times = await measureMedians(Object.fromEntries(timed), SAMPLES)
    const sizes = compared.map(([threads]) => ({ threads, ms: times[threads] as number }))
    rows.push({ name, bound, sizes })
  }
  return rows
}

const formatMessages = (threads: number) => (threads * MESSAGES_PER_THREAD).toLocaleString('en')

export function formatGrowth(rows: Growth[]): string {
  return formatTable(
    'Growth: milliseconds of calls that return the same rows, with more and more messages (a hundred per thread)',
    ['call', ...SIZES.map(formatMessages), 'ratio', 'bound'],
    rows.map((row) => {
      const times = new Map(row.sizes.map(({ threads, ms }) => [threads, ms.toFixed(1)]))
      const cells = SIZES.map((threads) => times.get(threads) ?? '')
      return [row.name, ...cells, computeGrowth(row).toFixed(2), row.bound ? `≤ ${row.bound}` : '']
    }),
  )
}

/** Computes how much longer a call takes at the largest size than at the first. */
export function computeGrowth({ sizes }: Growth): number {
  return (sizes.at(-1)?.ms ?? Number.NaN) / (sizes[0]?.ms ?? Number.NaN)
}
