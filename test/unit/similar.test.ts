import { expect, test } from 'vitest'
import { closest, resembling } from '../../src/similar.ts'

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

test('comparing 200 names of 200 characters takes milliseconds', () => {
  const names = Array.from({ length: 200 }, (_, index) => `${index}`.padEnd(200, 'é'))
  expect(closest('é'.repeat(200), names)).toHaveLength(3)
})

test.each([
  ['issue-12', 'issue-13'],
  ['sprint-2026-11', 'sprint-2026-12'],
  ['v1', 'v2'],
  ['.', '/'],
  ['api', 'ap'],
])('%j is not taken for a slip of %j', (wanted, other) => {
  expect(resembling(wanted, [other])).toEqual([])
})

test.each([
  ['migration-debgu', 'migration-debug'],
  ['issue-12', 'isue-12'],
  ['release 2', 'release-2'],
])('%j is taken for a slip of %j', (wanted, other) => {
  expect(resembling(wanted, [other])).toEqual([other])
})
