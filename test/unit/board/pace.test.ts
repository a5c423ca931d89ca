/** How many calls the board makes in an hour. */
import { expect, test } from 'vitest'
import { Bucket } from '../../../board/state/pace.ts'

const HOUR = 3_600_000
const WAIT = 24_000

/** Calls in each of three hours of a tab that waits, with a message in the thread on screen now and then. */
function simulate(messageEvery: number) {
  const bucket = new Bucket(0)
  const hours = [0, 0, 0]
  const delays: number[] = []
  const call = (now: number) => {
    bucket.take(now)
    hours[Math.floor(now / HOUR)] = (hours[Math.floor(now / HOUR)] ?? 0) + 1
  }
  let message = messageEvery
  let list = 120_000
  for (let now = 0; now < 3 * HOUR; ) {
    now += bucket.pause(now)
    call(now)
    const end = Math.max(now, Math.min(now + WAIT, message, list))
    if (message <= end) {
      delays.push(end - message)
      // The list, the message, and the mark that it was read.
      for (let n = 0; n < 3; n += 1) call(end)
      while (message <= end) message += messageEvery
    } else if (list <= end) {
      call(end)
      list = end + 120_000
    }
    now = end
  }
  return { hours: hours.slice(0, 3), longest: Math.max(0, ...delays) }
}

test('a quiet board makes at most 220 calls an hour, and with 50 messages at most 400', () => {
  expect(Math.max(...simulate(4 * HOUR).hours)).toBeLessThanOrEqual(220)
  const busy = simulate(HOUR / 50)
  expect(Math.max(...busy.hours)).toBeLessThanOrEqual(400)
  expect(busy.longest).toBe(0)
})

test.each([10_000, 3_000, 500])('with a message every %i ms it makes at most 1,200', (every) => {
  const { hours, longest } = simulate(every)
  expect(Math.max(...hours)).toBeLessThanOrEqual(1_200)
  expect(longest).toBeLessThan(17_000)
})
