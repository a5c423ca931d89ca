import { expect, test } from 'vitest'
import { pauses } from '../../../src/tools/wait.ts'

test.each([[0], [1], [2], [20], [21], [30], [45]])(
  'a wait of %i seconds lasts that long',
  (wait) => {
    expect(pauses(wait).reduce((sum, pause) => sum + pause, 0)).toBe(wait)
  },
)

test('a wait looks every second for 20 seconds, then every two, within 40 requests', () => {
  const longest = pauses(45)
  expect(longest.slice(0, 20)).toEqual(Array(20).fill(1))
  expect(longest.slice(20, -1).every((pause) => pause === 2)).toBe(true)
  expect(longest.length + 1).toBeLessThanOrEqual(40)
})
