import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { describeSystemError } from '../../../scripts/lib/system-error.ts'

const failed = (work: () => unknown): unknown => {
  try {
    return work()
  } catch (error) {
    return error
  }
}

test('an error that a person can fix is a sentence that names the place', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'relay-errors-'))
  const file = join(folder, 'file')
  writeFileSync(file, '')
  const gone = await mkdtemp(join(folder, 'gone', 'relay-')).catch((error) => error)
  expect(describeSystemError(gone)).toBe(
    `The temporary folder ${join(folder, 'gone')} does not exist: set TMPDIR to one that does.`,
  )
  expect(describeSystemError(failed(() => readFileSync(folder)))).toMatch(/^EISDIR: .*\.$/)
  expect(describeSystemError(failed(() => mkdirSync(join(file, 'x'))))).toBe(
    `ENOTDIR: not a directory, mkdir '${join(file, 'x')}'.`,
  )
  const why = 'ENOSPC: no space left on device, write'
  const full = Object.assign(new Error(why), { code: 'ENOSPC', syscall: 'write', path: '/data/a' })
  expect(describeSystemError(full)).toBe(`${why} '/data/a'.`)
  rmSync(folder, { recursive: true })
})

test('a bug stays one', () => {
  const missing = failed(() => readFileSync('/not/there'))
  for (const error of [missing, new TypeError('x'), { code: 'ENOSPC' }, undefined]) {
    expect(describeSystemError(error)).toBeUndefined()
  }
})
