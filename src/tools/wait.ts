/**
 * Waiting for a message: when a call looks again, and how a post in the same isolate ends its pause at once.
 * A wake is a hint and carries nothing: what a wait returns comes from its next look, and without a hint the
 * next look finds it too. Leaf but for names.
 */
import { foldName } from '../similar.ts'

/** Milliseconds of a wait in which it looks every second. */
const EAGER_TIME = 5_000

/** Looks of one wait that hints may cause, in addition to its own 26: a Worker may make 50 requests. */
const MAX_WOKEN_LOOKS = 10

/** Looks at a time that hints cause in an isolate: 500 at once kept a post waiting for half a second. */
const MAX_LOOKING = 8

/** Milliseconds after which a look is over, whatever became of its request. */
const LOOK_TIME = 10_000

/** Waits that are remembered: more would be an attack on memory. */
const MAX_WAITS = 1_000

/**
 * The pause before a wait looks again, in milliseconds: one second for the first five, then two, and no more
 * than is left of the wait; 0 or less once it is over. Looking takes time as well, and is part of the wait.
 */
export function nextPause(waited: number, wait: number): number {
  return Math.min(waited < EAGER_TIME ? 1000 : 2000, wait - waited)
}

/** Whose messages a call waits for. */
interface Interest {
  reader_tag: string
  thread_name?: string | undefined
  peek: boolean
  wait_seconds: number
}

/** The facts of a post by which waits are chosen. */
export interface Announcement {
  thread_name: string
  from: string | undefined
  to: string | undefined
}

/** Waits in flight, and those among them that are about to look because of a hint, with the time. */
const waits = new Set<Wait>()
const looking = new Map<Wait, number>()
let queue: Wait[] = []

/** A wait in flight. It listens from the moment it is made, so that no post falls between look and pause. */
export class Wait {
  readonly #reader: string
  readonly #thread: string | undefined
  readonly #startedAt = Date.now()
  readonly #length: number
  #isWoken = false
  #wokenLooks = 0
  #resume = () => {}
  /** Names the reader, unless it looks without marking: then each of its waits is woken. */
  readonly turn: string | symbol

  constructor({ reader_tag, thread_name, peek, wait_seconds }: Interest) {
    this.#reader = reader_tag
    this.#thread = thread_name === undefined ? undefined : foldName(thread_name)
    this.#length = wait_seconds * 1000
    this.turn = peek ? Symbol() : reader_tag
    if (waits.size < MAX_WAITS) waits.add(this)
  }

  /** Resolves when it is time to look again: true, or false when the wait or the call is over. */
  async untilNextLook(signal: AbortSignal): Promise<boolean> {
    looking.delete(this)
    wakeNext()
    const pause = nextPause(Date.now() - this.#startedAt, this.#length)
    if (pause <= 0 || signal.aborted) return false
    if (!this.#isWoken) await this.#pause(pause, signal)
    this.#isWoken = false
    return !signal.aborted
  }

  #pause(milliseconds: number, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, milliseconds)
    signal.addEventListener('abort', () => resolve())
    this.#resume = resolve
    return promise.finally(() => clearTimeout(timer))
  }

  /** To be called when the call is over. */
  stop(): void {
    waits.delete(this)
    looking.delete(this)
    wakeNext()
  }

  /** How much a post concerns this wait, most first; undefined if it does not, or if it is to be spared. */
  rank({ thread_name, from, to }: Announcement): number | undefined {
    if (this.#wokenLooks >= MAX_WOKEN_LOOKS || Date.now() > this.#startedAt + this.#length) return
    if (to !== undefined && foldName(to) === foldName(this.#reader)) return 0
    if (from === this.#reader) return undefined
    if (this.#thread === undefined) return 2
    return this.#thread === foldName(thread_name) ? 1 : undefined
  }

  wake(): void {
    this.#wokenLooks += 1
    this.#isWoken = true
    this.#resume()
  }
}

/** Wakes the waits that a post concerns: one of each reader that marks, since only one can get the message. */
export function announce(announcement: Announcement): void {
  const ranked = [...waits].flatMap((wait) => {
    const rank = wait.rank(announcement)
    return rank === undefined ? [] : [{ wait, rank }]
  })
  ranked.sort((a, b) => a.rank - b.rank)
  const first = new Map<string | symbol, Wait>()
  for (const { wait } of ranked) if (!first.has(wait.turn)) first.set(wait.turn, wait)
  const waiting = new Set(queue)
  queue.push(...[...first.values()].filter((wait) => !waiting.has(wait)))
  wakeNext()
}

function wakeNext(): void {
  if (queue.length === 0) return
  // A request that was ended from outside never says that its look is over.
  for (const [wait, since] of looking) if (Date.now() - since > LOOK_TIME) looking.delete(wait)
  queue = queue.filter((wait) => waits.has(wait))
  for (const wait of queue.splice(0, MAX_LOOKING - looking.size)) {
    looking.set(wait, Date.now())
    wait.wake()
  }
}
