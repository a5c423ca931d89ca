/** The record of the process that holds a data directory. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { lockDataDirectory, readRunning } from '../../../scripts/local/data-directory-lock.ts'

const PLATFORM = process.platform
afterEach(() => {
  vi.unstubAllEnvs()
  Object.defineProperty(process, 'platform', { value: PLATFORM })
})

function createFolder() {
  const path = mkdtempSync(join(tmpdir(), 'relay-lock-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) }
}

const RELAY = { url: 'http://127.0.0.1:1', version: '0.2.0', startedAt: '2026-11-26T10:00:00Z' }

test('a running relay is found until it releases the lock', () => {
  using folder = createFolder()
  const lock = lockDataDirectory(folder.path)
  expect(readRunning(folder.path)).toBeUndefined()
  lock.announce(RELAY)
  expect(readRunning(folder.path)).toEqual({ ...RELAY, pid: process.pid })
  lock.release()
  expect(readRunning(folder.path)).toBeUndefined()
})

test('a record that names no running process, or is damaged, is taken over', async () => {
  using folder = createFolder()
  const path = join(folder.path, 'owner.json')
  const gone = { pid: 2 ** 22 + 1, started: '' }
  for (const text of ['', 'garbage', 'null', '0', JSON.stringify(gone)]) {
    writeFileSync(path, text)
    const lock = lockDataDirectory(folder.path)
    lock.release()
  }
})

test.runIf(PLATFORM !== 'win32')(
  'a running relay is found after a change of time zone and language, as ps shows it',
  async () => {
    using folder = createFolder()
    Object.defineProperty(process, 'platform', { value: 'darwin' })
    vi.stubEnv('TZ', 'Asia/Tokyo')
    const lock = lockDataDirectory(folder.path)
    lock.announce(RELAY)
    vi.stubEnv('TZ', 'America/New_York')
    vi.stubEnv('LC_ALL', 'de_DE.UTF-8')
    expect(readRunning(folder.path)).toMatchObject({ url: RELAY.url })
    expect(() => lockDataDirectory(folder.path)).toThrow('is in use by another npm start')
    lock.release()
  },
)
