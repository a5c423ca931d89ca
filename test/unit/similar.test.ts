import { expect, test } from 'vitest'
import { closest } from '../../src/similar.ts'

const NAMES = ['billing-migration', 'release-notes', 'migration-debug', 'weekly', 'RELEASE']

test.each([
  ['migration-debgu', 'migration-debug'],
  ['billing', 'billing-migration'],
  ['release note', 'release-notes'],
  ['release', 'RELEASE'],
  ['  weekly ', 'weekly'],
])('%j is taken for %s', (wanted, nearest) => {
  expect(closest(wanted, NAMES, 1)).toEqual([nearest])
})

test('200 names of 200 characters are compared in no time worth waiting for', () => {
  const names = Array.from({ length: 200 }, (_, index) => `${index}`.padEnd(200, 'é'))
  expect(closest('é'.repeat(200), names)).toHaveLength(3)
})
