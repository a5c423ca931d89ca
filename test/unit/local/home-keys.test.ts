/** Which interrupted rotation of npm start is resumed. The rotation itself is in test/e2e/local. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { changeKept } from '../../../scripts/lib/data-directory.ts'
import { readHomeKeys } from '../../../scripts/local/home-keys.ts'

afterEach(() => {
  vi.unstubAllEnvs()
})

const OLD = 'the-old-key-of-these-tests-long-enough'
const NEW = 'the-new-key-of-these-tests-long-enough'

test.each([
  ['before the new key was written', OLD, true],
  ['after it was written', NEW, true],
  ['and then another key was set by hand', 'a-third-key-of-these-tests-long-enough', false],
])('a rotation that was interrupted %s', (_, current, isResumed) => {
  const data = mkdtempSync(join(tmpdir(), 'relay-home-'))
  vi.stubEnv('RELAY_DATA', data)
  vi.stubEnv('RELAY_API_KEY', undefined)
  const rotation = { ROTATION_KIND: 'planned', ROTATION_OLD: OLD, ROTATION_NEW: NEW }
  changeKept(data, { RELAY_API_KEY: current, ...rotation })
  const expected = isResumed ? { kind: 'planned', old: OLD, key: NEW } : undefined
  expect(readHomeKeys().interrupted).toEqual(expected)
  rmSync(data, { recursive: true })
})
