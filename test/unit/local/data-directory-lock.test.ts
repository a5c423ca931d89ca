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

test('a start that was interrupted changes nothing in the record of the next one', async () => {
  using folder = createFolder()
  const first = await lockDataDirectory(folder.path)
  first.release()
  const second = await lockDataDirectory(folder.path)
  second.announce(RELAY)
  first.adopt(process.pid, ['SIGTERM'])
  first.announce({ ...RELAY, url: 'http://127.0.0.1:2' })
  first.release()
  expect(readRunning(folder.path)).toMatchObject({ url: RELAY.url })
  second.release()
  expect(readRunning(folder.path)).toBeUndefined()
})

test('a child that had ended when it was recorded is not an orphan for the next start', async () => {
  using folder = createFolder()
  const path = join(folder.path, 'owner.json')
  const gone = { pid: 2 ** 22 + 1, started: '' }
  for (const text of [
    '',
    'garbage',
    'null',
    '0',
    JSON.stringify({ ...gone, children: [{ ...gone, signals: ['SIGKILL'] }] }),
  ]) {
    writeFileSync(path, text)
    const lock = await lockDataDirectory(folder.path)
    lock.release()
  }
})

test.runIf(PLATFORM !== 'win32')(
  'a running relay is found after a change of time zone and language, as ps shows it',
  async () => {
    using folder = createFolder()
    Object.defineProperty(process, 'platform', { value: 'darwin' })
    vi.stubEnv('TZ', 'Asia/Tokyo')
    const lock = await lockDataDirectory(folder.path)
    lock.announce(RELAY)
    vi.stubEnv('TZ', 'America/New_York')
    vi.stubEnv('LC_ALL', 'de_DE.UTF-8')
    expect(readRunning(folder.path)).toMatchObject({ url: RELAY.url })
    await expect(lockDataDirectory(folder.path)).rejects.toThrow('is in use by another npm start')
    lock.release()
  },
)
