/**
 * Locks a data directory for one `npm start` at a time. A record in the directory names the process, its
 * children and where it listens. If the process is gone, the next start ends the children that still run
 * and takes over the record. PostgreSQL's own lock is a second line of defence.
 */
import { execFileSync } from 'node:child_process'
import { linkSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { replacePrivate, writePrivate } from '../lib/private-file.ts'
import { UserError } from '../lib/user-error.ts'

interface Running {
  pid: number
  /** Distinguishes this process from a later one with the same pid. */
  started: string
}

interface Orphan extends Running {
  signals: NodeJS.Signals[]
}

/** The record that a running `npm start` leaves for other commands. */
export interface RunningRelay {
  pid: number
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

interface LockRecord extends Running {
  children: Orphan[]
  relay?: Omit<RunningRelay, 'pid'>
}

export interface DataDirectoryLock {
  /** Records a child and the signals that end it, for a later start that finds it orphaned. */
  adopt(pid: number, signals: NodeJS.Signals[]): void
  /** Records that the relay is up, for `doctor`, `smoke` and `status`. */
  announce(relay: Omit<RunningRelay, 'pid'>): void
  release(): void
}

const pathIn = (directory: string) => join(directory, 'owner.json')

/** Reads which relay is running on this data directory; undefined if none is. */
export function readRunning(directory: string): RunningRelay | undefined {
  const found = read(pathIn(directory))
  return found?.relay && lives(found) ? { pid: found.pid, ...found.relay } : undefined
}

/** Locks `directory` for this process, or refuses if another one holds it. */
export async function lockDataDirectory(directory: string): Promise<DataDirectoryLock> {
  const path = pathIn(directory)
  const draft = `${path}.${process.pid}`
  const record: LockRecord = { ...running(process.pid), children: [] }
  writePrivate(draft, JSON.stringify(record))
  try {
    while (!linkRecord(draft, path)) await evict(path, `${draft}.previous`, directory)
  } finally {
    rmSync(draft, { force: true })
  }
  let isReleased = false
  const save = () => {
    // A start that is interrupted may still record something; another start may hold the lock by then.
    if (isReleased) return
    replacePrivate(path, JSON.stringify(record))
  }
  return {
    adopt(pid, signals) {
      record.children = [...record.children.filter(lives), { ...running(pid), signals }]
      save()
    },
    announce(relay) {
      record.relay = relay
      save()
    },
    release() {
      if (!isReleased) rmSync(path, { force: true })
      isReleased = true
    },
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

async function evict(path: string, aside: string, directory: string): Promise<void> {
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
  for (const orphan of taken?.children ?? []) await end(orphan)
  rmSync(aside)
}

function refuse({ pid }: Running, directory: string): never {
  throw new UserError(
    `${directory} is in use by another npm start (process ${pid}): stop it first, or set RELAY_DATA ` +
      'to another folder.',
  )
}

async function end(orphan: Orphan): Promise<void> {
  for (const signal of orphan.signals) {
    if (!lives(orphan)) return
    process.kill(orphan.pid, signal)
    for (let waited = 0; waited < 3000 && lives(orphan); waited += 20) await sleep(20)
  }
}

function read(path: string): LockRecord | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    // Missing, or incomplete after a crash of the machine: no one holds the lock.
    return undefined
  }
}

function running(pid: number): Running {
  return { pid, started: readStart(pid) }
}

/** A process that had ended when it was recorded has no start, and must not be found again. */
function lives({ pid, started }: Running): boolean {
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
