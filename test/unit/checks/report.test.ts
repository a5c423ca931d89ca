import { expect, test } from 'vitest'
import type { Result } from '../../../scripts/checks/check.ts'
import { formatGroup, summarize } from '../../../scripts/checks/report.ts'

const GOOD: Result = { id: 'dns', outcome: 'ok', seen: '127.0.0.1' }
const BLOCKED: Result = { id: 'relay', outcome: 'unknown', seen: 'Not checked: it needs url.' }
const BAD: Result = { id: 'url', outcome: 'failed', seen: 'Http.', why: 'Unsafe.', fix: ['a', 'b'] }

test('a group is one line, or its problems with why they matter and how to fix them', () => {
  expect(formatGroup('Address', [GOOD, BLOCKED], 5)).toBe('ok   Address: 1 of 2 checks')
  expect(formatGroup('Address', [BLOCKED], 5)).toBe('?    Address: not checked')
  expect(formatGroup('Address', [GOOD, BAD, BLOCKED], 5)).toBe(
    'FAIL url   Http.\n     why: Unsafe.\n     fix: a\n          b',
  )
})

test('the summary counts every outcome', () => {
  const results = [GOOD, GOOD, BLOCKED, BAD, { ...BAD, outcome: 'warning' as const }]
  expect(summarize(results)).toBe('2 ok, 1 warnings, 1 failed. Not checked: 1.')
})
