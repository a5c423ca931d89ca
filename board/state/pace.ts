/** How often the board looks: as often as its hourly budget of calls allows. */

/** Milliseconds between two looks: a message appears within 3 s. */
export const PAUSE = 2_850

/** The longest wait for a person who is looking. */
const LONGEST = 10_000

/** Calls in an hour: looks take the rest of the first, and slow down above the second. */
const BUDGET = 1_250
const LIMIT = 1_290

const HOUR = 3_600_000

/** The time over which the calls of others are counted: their rate is taken to continue. */
export const RECENT = 10 * 60_000

/**
 * Milliseconds until the next look. `others` are the calls in the last RECENT that were not looks, such as
 * reading and posting; `all` are those of the last hour.
 */
export function pauseBetweenLooks(others: number, all: number): number {
  if (all >= LIMIT) return LONGEST
  const left = BUDGET - others * (HOUR / RECENT)
  return left > 0 ? Math.min(PAUSE * (BUDGET / left), LONGEST) : LONGEST
}
