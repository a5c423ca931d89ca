/** Many readers that wait on one thread: what each costs while nothing comes, and when the last is told. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Bed } from './bed.ts'
import { startCaller } from './caller.ts'
import type { Contenders } from './comparisons.ts'
import { familyOf, sampleCpu, usedBetween } from './cpu.ts'

const READERS = [500]
/** A wait looks for messages every second for the first 20 s. */
const WAIT_SECONDS = 20
const SETTLE_MS = 5_000
const SAMPLE_MS = 6_000

export interface Waiting {
  readers: number
  /** Microseconds of CPU per reader and second. */
  cpu: { worker: number; gateway: number; database: number }
  /** From the post to its answer, and to the answer of the last reader, in ms. */
  post_ms: number
  last_ms: number
  refused: number
}

export async function measureWaiting(bed: Bed, { relay }: Contenders): Promise<Waiting[]> {
  const caller = startCaller()
  bed.onEnd(caller.stop)
  const thread = { thread_name: 'waiting' }
  const post = () =>
    relay.call('relay_post_message', { ...thread, surface: 'code', content: 'At last.' })
  const parts = {
    worker: () => [relay.pid],
    gateway: () => [process.pid],
    database: () => familyOf(bed.postgresPid),
  }
  const measured: Waiting[] = []
  await post()
  for (const readers of READERS) {
    const burst = {
      url: relay.url,
      key: relay.key,
      tool: 'relay_check_new',
      args: { ...thread, reader_tag: 'waiter-#' },
      variety: readers,
      count: readers,
    }
    // Each has read what is there.
    await caller.run({ ...burst, width: 16 })
    const startedAt = performance.now()
    const args = { ...burst.args, wait_seconds: WAIT_SECONDS }
    const waiting = caller.run({ ...burst, args, width: readers })
    await sleep(SETTLE_MS)
    const before = sampleCpu(parts)
    await sleep(SAMPLE_MS)
    const after = sampleCpu(parts)
    const each = (part: keyof typeof parts) =>
      usedBetween(before, after, part) / readers / (SAMPLE_MS / 1_000)
    const postedAt = performance.now()
    await post()
    const post_ms = performance.now() - postedAt
    const { seconds, refusals } = await waiting
    measured.push({
      readers,
      cpu: { worker: each('worker'), gateway: each('gateway'), database: each('database') },
      post_ms,
      last_ms: startedAt + seconds * 1_000 - postedAt,
      refused: refusals.length,
    })
  }
  return measured
}
