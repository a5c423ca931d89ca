import { expect, test } from 'vitest'
import { pauses } from '../../../src/tools/check-new.ts'

test.each([[0], [1], [2], [10], [30], [45]])(
  'a wait of %i seconds is waited to its end',
  (wait) => {
    expect(pauses(wait).reduce((sum, pause) => sum + pause, 0)).toBe(wait)
  },
)

test('the longest wait takes 12 polls with pauses that never shrink', () => {
  const longest = pauses(45)
  expect(longest).toHaveLength(11)
  expect(longest).toEqual([...longest].sort((a, b) => a - b))
})
