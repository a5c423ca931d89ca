/** Random numbers for the tests that choose their own steps: fast-check's, as everywhere else. */
import * as fc from 'fast-check'

/** Numbers drawn at a time. */
const DRAWN = 1000

const RANGE = 2 ** 30

/** Takes a seed; gives a function that returns whole numbers from 0 up to a bound, the same each time. */
export function randomNumbers(seed: number): (bound: number) => number {
  const numbers = fc.noBias(fc.nat(RANGE - 1))
  let drawn: number[] = []
  let draws = 0
  return (bound) => {
    if (drawn.length === 0) {
      drawn = fc.sample(numbers, { seed: seed * DRAWN + draws, numRuns: DRAWN })
      draws += 1
    }
    return (drawn.pop() as number) % bound
  }
}
