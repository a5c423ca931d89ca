/** How often the board asks: within its budget, and never in steps that a person would notice. */
import { expect, test } from 'vitest'
import { PAUSE, pauseBetweenLooks, RECENT } from '../../../board/state/pace.ts'

const HOUR = 3_600_000

/** Milliseconds that a look itself takes. */
const LOOK = 50

/** Two hours of a tab in which something else is asked now and then. */
function simulate(otherEvery: number) {
  const looks: number[] = []
  const others: number[] = []
  const pauses: number[] = []
  let most = 0
  for (let now = 0; now < 2 * HOUR; ) {
    while ((others.at(-1) ?? 0) + otherEvery <= now) others.push((others.at(-1) ?? 0) + otherEvery)
    const since = (times: number[], span: number) => times.filter((at) => at > now - span).length
    const all = since(looks, HOUR) + since(others, HOUR)
    most = Math.max(most, all)
    const pause = pauseBetweenLooks(since(others, RECENT), all)
    pauses.push(pause)
    looks.push(now)
    now += pause + LOOK
  }
  return { most, pauses }
}

test('with nothing else to ask, a message appears within three seconds', () => {
  const { most, pauses } = simulate(3 * HOUR)
  expect(Math.max(...pauses) + LOOK).toBeLessThan(3_000)
  expect(Math.min(...pauses)).toBe(PAUSE)
  expect(most).toBeLessThan(1_300)
})

test.each([
  ['twenty', 20_000, 3_500],
  ['ten', 10_000, 4_200],
])('with a call every %s seconds, looks slow down a little and never stop', (_, every, longest) => {
  const { most, pauses } = simulate(every)
  expect(Math.max(...pauses)).toBeLessThan(longest)
  const steps = pauses.slice(1).map((pause, i) => Math.abs(pause - (pauses[i] ?? 0)))
  expect(Math.max(...steps)).toBeLessThan(100)
  expect(most).toBeLessThan(1_300)
})

test('with more to ask than fits the hour, looks are ten seconds apart', () => {
  expect(pauseBetweenLooks(500, 0)).toBe(10_000)
  expect(pauseBetweenLooks(0, 1_290)).toBe(10_000)
})
