import { expect, test } from 'vitest'
import type { Check, Result } from '../../../scripts/checks/check.ts'
import { formatGroup, isBlocked, summarize } from '../../../scripts/checks/report.ts'

const blocked = (id: string, cause: string): Result => ({
  id,
  outcome: 'unknown',
  seen: `Not checked: it needs ${cause}.`,
})

test('checks that wait for another one are counted, not listed', () => {
  const results: Result[] = [
    { id: 'reachable', outcome: 'failed', seen: 'No answer.', why: '', fix: [] },
    ...Array.from({ length: 40 }, (_, n) => blocked(`check-${n}`, 'reachable')),
    blocked('one', 'other'),
    { id: 'preview-urls', outcome: 'unknown', seen: 'Not checked: not from this folder.' },
  ]
  expect(summarize(results)).toBe(
    '0 ok, 0 warnings, 1 failed. Not checked, because of reachable: 40 checks. ' +
      'Not checked, because of other: 1 check. Not checked: preview-urls.',
  )
  expect(results.filter(isBlocked)).toHaveLength(41)
})

test('a group whose checks all found the same says it once', () => {
  const checks = ['a', 'b'].map((id) => ({ id }) as Check)
  const format = (...seen: string[]) =>
    formatGroup(
      { title: 'Project', checks },
      seen.map((each, index) => ({ id: checks[index]?.id ?? '', outcome: 'ok', seen: each })),
      8,
    )
  expect(format('no project', 'no project')).toBe('ok   Project: no project')
  expect(format('one', 'another')).toBe('ok   Project: 2 of 2 checks')
})
