/**
 * Limits how many connections the calls of one function may hold. A call that waits for a lock keeps its
 * connection; without a limit, twelve posts to one locked thread held all of them, and every read waited
 * for seconds.
 */

/** A fixed number of slots, handed out in the order of the requests. */
export class Slots {
  readonly #waiting: (() => void)[] = []
  #free: number

  constructor(size: number) {
    this.#free = size
  }

  /** Resolves with true when a slot is free, or with false after `patience` ms. */
  async take(patience: number): Promise<boolean> {
    if (this.#free > 0) {
      this.#free -= 1
      return true
    }
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const giveUp = setTimeout(() => {
      this.#waiting.splice(this.#waiting.indexOf(proceed), 1)
      resolve(false)
    }, patience)
    const proceed = () => {
      clearTimeout(giveUp)
      resolve(true)
    }
    this.#waiting.push(proceed)
    return promise
  }

  /** Releases a slot to the request that has waited longest. */
  release(): void {
    const next = this.#waiting.shift()
    if (next) next()
    else this.#free += 1
  }
}
