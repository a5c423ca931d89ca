/**
 * The board's calls in an hour, as a bucket: full at the start, refilled all the time, and each call takes one.
 * A board that waits makes about 180 an hour, and each message that comes four more, so only a flood of
 * messages empties it. Then the board looks as often as it is refilled.
 */

/** Calls that may be made at once, and those that are added in an hour: together the most in any hour. */
const SIZE = 300
const PER_HOUR = 900

const REFILL = 3_600_000 / PER_HOUR

export class Bucket {
  #left = SIZE
  #at: number

  /** `now` is in milliseconds, here and below. */
  constructor(now: number) {
    this.#at = now
  }

  take(now: number): void {
    this.#refill(now)
    this.#left -= 1
  }

  /** Milliseconds until there is one to take. */
  pause(now: number): number {
    this.#refill(now)
    return Math.max(0, (1 - this.#left) * REFILL)
  }

  #refill(now: number): void {
    this.#left = Math.min(SIZE, this.#left + (now - this.#at) / REFILL)
    this.#at = now
  }
}
