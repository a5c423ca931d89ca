/**
 * How many connections the calls of one function may hold. Calls that wait for a lock keep their
 * connection meanwhile; without a bound, twelve posts to one locked thread held all of them and every
 * read waited for seconds.
 */

/** A fixed number of slots, given out in the order in which they were asked for. */
export class Slots {
  readonly #waiting: (() => void)[] = []
  #free: number

  constructor(size: number) {
    this.#free = size
  }

  /** Resolves with true when there is one to use, and with false when `patience` ms have passed. */
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

  /** Gives a slot back, to the one that has waited longest. */
  release(): void {
    const next = this.#waiting.shift()
    if (next) next()
    else this.#free += 1
  }
}
