/**
 * How many calls of one function run at a time: two, which keep up with workerd's one thread. Ten were
 * no faster, and competed for the same processors. But a call that waits for a lock keeps its
 * connection, so when the oldest one takes long, more may start, yet never so many that nothing is left
 * for other functions: twelve posts to one locked thread once held all connections, and every read waited
 * for seconds.
 */

/** How many run as long as they are quick, and how many otherwise. */
export interface SlotLimits {
  few: number
  many: number
}

/** Milliseconds after which a running call no longer counts as quick. */
const LONG_MS = 25
/** How often waiting requests are checked; they also are whenever a call ends. */
const TICK_MS = 5

/** Held by a call while it runs. */
export interface Slot {
  startedAt: number
}

interface Waiting {
  /** When it gives up. */
  until: number
  proceed(slot: Slot | undefined): void
}

/** Slots for the calls of one function, handed out in the order of the requests. */
export class Slots {
  readonly #limits: SlotLimits
  /** In the order in which they started. */
  readonly #running = new Set<Slot>()
  readonly #waiting: Waiting[] = []
  #timer: NodeJS.Timeout | undefined

  constructor(limits: SlotLimits) {
    this.#limits = limits
  }

  /** Resolves with a slot when one is free, or with undefined after `patience` ms. */
  async take(patience: number): Promise<Slot | undefined> {
    if (this.#waiting.length === 0 && this.#isFree()) return this.#occupy()
    const { promise, resolve } = Promise.withResolvers<Slot | undefined>()
    this.#waiting.push({ until: performance.now() + patience, proceed: resolve })
    this.#timer ??= setInterval(() => {
      this.#giveUp()
      this.#advance()
    }, TICK_MS)
    return promise
  }

  /** Releases a slot, to the request that has waited longest. */
  release(slot: Slot): void {
    this.#running.delete(slot)
    this.#advance()
  }

  #isFree(): boolean {
    const { few, many } = this.#limits
    const [oldest] = this.#running
    const isLong = oldest !== undefined && performance.now() - oldest.startedAt > LONG_MS
    return this.#running.size < (isLong ? many : few)
  }

  #occupy(): Slot {
    const slot = { startedAt: performance.now() }
    this.#running.add(slot)
    return slot
  }

  #advance(): void {
    while (this.#waiting.length > 0 && this.#isFree()) {
      this.#waiting.shift()?.proceed(this.#occupy())
    }
    if (this.#waiting.length > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #giveUp(): void {
    const now = performance.now()
    while (this.#waiting[0] && this.#waiting[0].until < now) {
      this.#waiting.shift()?.proceed(undefined)
    }
  }
}
