import { expect, test } from 'vitest'
import { nextPause } from '../../../src/tools/wait.ts'

/** The pauses of a wait, in seconds, when each look at the database takes `look` seconds. */
function listPauses(seconds: number, look = 0): number[] {
  const pauses: number[] = []
  for (let waited = 0; ; ) {
    const pause = nextPause(waited * 1000, seconds * 1000) / 1000
    if (pause <= 0) return pauses
    pauses.push(pause)
    waited += pause + look
  }
}

const sum = (pauses: number[]) => pauses.reduce((total, pause) => total + pause, 0)

test.each([[0], [1], [2], [20], [21], [30], [45]])(
  'a wait of %i seconds lasts that long',
  (seconds) => {
    expect(sum(listPauses(seconds))).toBe(seconds)
  },
)

test('a wait looks every second for 20 seconds, then every two, within 40 requests', () => {
  const longest = listPauses(45)
  expect(longest.slice(0, 20)).toEqual(Array(20).fill(1))
  expect(longest.slice(20, -1).every((pause) => pause === 2)).toBe(true)
  expect(longest.length + 1).toBeLessThanOrEqual(40)
})

test.each([[0.5], [2], [7]])('when a look takes %d seconds, only the last one is late', (look) => {
  const pauses = listPauses(45, look)
  expect(sum(pauses) + pauses.length * look).toBeLessThanOrEqual(45 + look)
})
