/**
 * Locks a data directory for one `npm start` at a time. A record in the directory names the process and
 * where it listens; the next start takes over the record of a process that is gone. PostgreSQL's own lock
 * is a second line of defence.
 */
import { execFileSync } from 'node:child_process'
import { linkSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { replacePrivate, writePrivate } from '../lib/private-file.ts'
import { UserError } from '../lib/user-error.ts'

/** The data that a running `npm start` leaves for other commands. */
interface Announcement {
  /** The origin it listens on. */
  url: string
  /** The origin that its clients use, if it is a different one. */
  publicUrl?: string | undefined
  version: string
  /** In ISO 8601. */
  startedAt: string
  /** The Supabase project; undefined means the embedded database. */
  supabaseUrl?: string | undefined
}

export type RunningRelay = Announcement & { pid: number }

interface LockRecord {
  pid: number
  /** Distinguishes this process from a later one with the same pid. */
  started: string
  relay?: Announcement
}

export interface DataDirectoryLock {
  /** Records that the relay is up, for `doctor`, `smoke` and `status`. */
  announce(relay: Announcement): void
  release(): void
}

const pathIn = (directory: string) => join(directory, 'owner.json')

/** Reads which relay is running on this data directory; undefined if none is. */
export function readRunning(directory: string): RunningRelay | undefined {
  const found = read(pathIn(directory))
  return found?.relay && lives(found) ? { pid: found.pid, ...found.relay } : undefined
}

/** Locks `directory` for this process, or refuses if another one holds it. */
export function lockDataDirectory(directory: string): DataDirectoryLock {
  const path = pathIn(directory)
  const draft = `${path}.${process.pid}`
  const record: LockRecord = { pid: process.pid, started: readStart(process.pid) }
  writePrivate(draft, JSON.stringify(record))
  try {
    while (!linkRecord(draft, path)) evict(path, `${draft}.previous`, directory)
  } finally {
    rmSync(draft, { force: true })
  }
  return {
    announce: (relay) => replacePrivate(path, JSON.stringify({ ...record, relay })),
    release: () => rmSync(path, { force: true }),
  }
}

/** Puts the record in place in one step; returns false if there is one already. */
function linkRecord(draft: string, path: string): boolean {
  try {
    linkSync(draft, path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

function evict(path: string, aside: string, directory: string): void {
  const found = read(path)
  if (found && lives(found)) refuse(found, directory)
  try {
    renameSync(path, aside)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  // Two starts may find the same dead record. The slower one must not evict the faster one.
  const taken = read(aside)
  if (taken && lives(taken)) {
    linkRecord(aside, path)
    rmSync(aside)
    refuse(taken, directory)
  }
  rmSync(aside)
}

function refuse({ pid }: LockRecord, directory: string): never {
  throw new UserError(
    `${directory} is in use by another npm start (process ${pid}): stop it first, or set RELAY_DATA ` +
      'to another folder.',
  )
}

function read(path: string): LockRecord | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    // Missing, or incomplete after a crash of the machine: no one holds the lock.
    return undefined
  }
}

function lives({ pid, started }: LockRecord): boolean {
  return started !== '' && readStart(pid) === started
}

/** Reads when a process started, in the system's own format; empty if it is not running. */
function readStart(pid: number): string {
  try {
    if (process.platform === 'linux') {
      // Field 2, the name, may contain spaces and parentheses, so fields are counted from its end.
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
      return fields[0] === 'Z' ? '' : `${boot} ${fields[19]}`
    }
    // ps writes local time in the person's language, which may both change while the process runs.
    const env = { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' }
    const args = ['-o', 'lstart=', '-p', `${pid}`]
    return execFileSync('ps', args, { encoding: 'utf8', env }).trim()
  } catch {
    return ''
  }
}
