/**
 * The plugin's files, in the folder that Claude Code provides: the news that a session has received,
 * and for a moment the data for its monitor. A file that cannot be read or written costs a repeated
 * line, never a failed hook.
 */
import { randomBytes } from 'node:crypto'
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { isAbsolute, join } from 'node:path'

/** Files of sessions that were killed are removed after this long: a key after a minute, counts after weeks. */
const WATCH_MS = 60 * 1000
const TOLD_MS = 30 * 24 * 60 * 60 * 1000

const toldFile = (session) => (/^[\w-]{1,100}$/.test(session ?? '') ? `told-${session}.json` : '')
const watchFile = (pid) => (/^\d{1,10}$/.test(pid ?? '') ? `watch-${pid}.json` : '')

/** The news that a session has received, the time of the last look, and the number of failures since. */
export const readTold = (data, session) => read(data, toldFile(session)) ?? {}
export const writeTold = (data, session, told) => write(data, toldFile(session), told)

/** Leaves the data for the monitor of a Claude Code process, with the key: see takeWatch. */
export const writeWatch = (data, pid, watch) => write(data, watchFile(pid), watch)

/** Reads the data for the monitor, and removes it: the key is on disk for about a second. */
export function takeWatch(data, pid) {
  const watch = read(data, watchFile(pid))
  if (watch) remove(data, watchFile(pid))
  return watch
}

/** Removes the files of a session, and those of earlier ones that were killed. */
export function removeSession(data, session, pid) {
  remove(data, toldFile(session))
  remove(data, watchFile(pid))
  removeLeftovers(data)
}

export function removeLeftovers(data) {
  try {
    for (const name of readdirSync(data)) {
      const [, kind] = /^(told|watch)-[\w.-]+$/.exec(name) ?? []
      const limit = kind === 'watch' ? WATCH_MS : TOLD_MS
      if (kind && Date.now() - statSync(join(data, name)).mtimeMs > limit) remove(data, name)
    }
  } catch {}
}

function read(data, name) {
  if (!data || !name) return undefined
  try {
    return JSON.parse(readFileSync(join(data, name), 'utf8'))
  } catch {
    return undefined
  }
}

/** Whole or not at all, and readable only by this account. Returns whether it was written. */
function write(data, name, value) {
  // A version that does not know the folder passes its variable on unfilled: no folder of the project's.
  if (!data || !isAbsolute(data) || !name) return false
  const draft = join(data, `${name}.${randomBytes(6).toString('hex')}`)
  try {
    mkdirSync(data, { recursive: true, mode: 0o700 })
    writeFileSync(draft, JSON.stringify(value), { mode: 0o600, flag: 'wx' })
    renameSync(draft, join(data, name))
    return true
  } catch {
    rmSync(draft, { force: true })
    return false
  }
}

function remove(data, name) {
  if (data && name) rmSync(join(data, name), { force: true })
}
