/** Measures how long calls that return the same rows take as the database grows. */
import { randomUUID } from 'node:crypto'
import type { Bundle } from '../scripts/local/workerd/bundle.ts'
import type { Bed, Contender } from './bed.ts'
import { type Size, sizeOf } from './fill.ts'
import { measureMedians } from './measure.ts'

const SAMPLES = 150

/** Sizes by threads, with a hundred messages each. */
const SIZES = [10, 100, 1_000, 10_000].map(sizeOf)

interface GrowthCall {
  name: string
  tool: string
  args: () => Record<string, unknown>
  /** The design's bound for the largest size over the first; without one, the ratio is only reported. */
  bound?: number
  /** The number of threads to compare with, if the smallest size has too few rows. */
  from?: number
}

const CALLS: GrowthCall[] = [
  {
    name: 'post',
    tool: 'relay_post_message',
    args: () => ({ thread_name: 'thread-1', surface: 'code', content: 'News. '.repeat(50) }),
    bound: 1.5,
  },
  {
    name: 'read 50',
    tool: 'relay_read_thread',
    args: () => ({ thread_name: 'thread-2' }),
    bound: 1.5,
  },
  {
    name: 'check one thread, 50 new',
    tool: 'relay_check_new',
    args: () => ({ thread_name: 'thread-3', reader_tag: 'half-way', peek: true }),
    bound: 1.5,
  },
  {
    name: 'check one thread, nothing new',
    tool: 'relay_check_new',
    args: () => ({ thread_name: 'thread-3', reader_tag: 'caught-up' }),
    bound: 1.5,
  },
  {
    name: 'create',
    tool: 'relay_create_thread',
    args: () => ({ name: `new-${randomUUID()}` }),
    bound: 1.5,
  },
  {
    name: 'archive',
    tool: 'relay_archive_thread',
    args: () => ({ thread_name: 'thread-4', archived: false }),
    bound: 1.5,
  },
  {
    name: 'list 100',
    tool: 'relay_list_threads',
    args: () => ({}),
    bound: 1.5,
    from: 100,
  },
  {
    name: 'list 100 with unread',
    tool: 'relay_list_threads',
    args: () => ({ reader_tag: 'half-way' }),
    from: 100,
  },
  {
    name: 'check all threads, nothing new',
    tool: 'relay_check_new',
    args: () => ({ reader_tag: 'caught-up' }),
    bound: 3,
  },
  {
    name: 'search a rare word',
    tool: 'relay_read_thread',
    args: () => ({ query: 'zanzibar' }),
    bound: 3,
  },
  {
    name: 'search a common phrase',
    tool: 'relay_read_thread',
    args: () => ({ query: '"open question"' }),
  },
  {
    name: 'list filtered by query',
    tool: 'relay_list_threads',
    args: () => ({ query: 'topic 9' }),
  },
]

export interface Growth {
  name: string
  bound: number | null
  /** In ascending order, starting with the size that the others are compared with. */
  sizes: (Size & { ms: number })[]
}

/** Fills all databases first, then times each call on them in turn. */
export async function measureGrowth(
  bed: Bed,
  relay: Bundle,
  say: (sentence: string) => void,
): Promise<Growth[]> {
  const contenders: [Size, Contender][] = []
  for (const size of SIZES) {
    say(`filling ${size.messages.toLocaleString('en')} messages`)
    const { gateway } = await bed.database(size)
    contenders.push([size, await bed.worker(relay, gateway.url)])
  }
  const rows: Growth[] = []
  for (const { name, tool, args, bound = null, from = 0 } of CALLS) {
    say(name)
    const compared = contenders.filter(([size]) => size.threads >= from)
    const times = await measureMedians(
      Object.fromEntries(
        compared.map(([size, contender]) => [size.threads, () => contender.call(tool, args())]),
      ),
      SAMPLES,
    )
    const sizes = compared.map(([size]) => ({ ...size, ms: times[size.threads] as number }))
    rows.push({ name, bound, sizes })
  }
  return rows
}
