/**
 * Who uses a data directory. One `npm start` at a time: a record in the directory names the process,
 * the children it started and where it listens. A record whose process is gone is taken over, and
 * those children, if they still run, are ended first. PostgreSQL's own lock stands behind this one.
 */
import { execFileSync } from 'node:child_process'
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { UserError } from '../lib/user-error.ts'

interface Running {
  pid: number
  /** Tells this process from a later one that was given the same number. */
  started: string
}

interface Orphan extends Running {
  signals: NodeJS.Signals[]
}

/** What an `npm start` that is up tells other commands. */
export interface RunningRelay {
  pid: number
  /** The origin it listens on, whatever its port. */
  url: string
  /** The origin that its clients use, where that is another one. */
  publicUrl?: string | undefined
  version: string
  /** In ISO 8601. */
  startedAt: string
  /** The Supabase project, if it is not the embedded database. */
  supabaseUrl?: string | undefined
}

interface LockRecord extends Running {
  children: Orphan[]
  relay?: Omit<RunningRelay, 'pid'>
}

export interface DataDirectoryLock {
  /** Notes a child, with the signals that end it, for the start that finds it orphaned. */
  adopt(pid: number, signals: NodeJS.Signals[]): void
  /** Notes that the relay is up, for `doctor`, `smoke` and `status`. */
  announce(relay: Omit<RunningRelay, 'pid'>): void
  release(): void
}

const pathIn = (directory: string) => join(directory, 'owner.json')

/** The relay that runs on this data directory now; undefined if none is up. */
export function readRunning(directory: string): RunningRelay | undefined {
  const found = read(pathIn(directory))
  return found?.relay && lives(found) ? { pid: found.pid, ...found.relay } : undefined
}

/** Locks `directory` for this process, or refuses if another one holds it. */
export async function lockDataDirectory(directory: string): Promise<DataDirectoryLock> {
  const path = pathIn(directory)
  const draft = `${path}.${process.pid}`
  const record: LockRecord = { ...running(process.pid), children: [] }
  writeFileSync(draft, JSON.stringify(record), { mode: 0o600 })
  try {
    while (!linked(draft, path)) await evict(path, `${draft}.previous`, directory)
  } finally {
    rmSync(draft, { force: true })
  }
  const save = () => {
    writeFileSync(draft, JSON.stringify(record), { mode: 0o600 })
    renameSync(draft, path)
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
    release: () => rmSync(path, { force: true }),
  }
}

/** Puts the record in place in one step; false if there is one already. */
function linked(draft: string, path: string): boolean {
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
  // Two starts may find the same dead record; the slower one must not throw out the faster.
  const taken = read(aside)
  if (taken && lives(taken)) {
    linked(aside, path)
    rmSync(aside)
    refuse(taken, directory)
  }
  for (const orphan of taken?.children ?? []) await end(orphan)
  rmSync(aside)
}

function refuse({ pid }: Running, directory: string): never {
  throw new UserError(
    `${directory} is in use by another npm start (process ${pid}): stop that one first, or set ` +
      'RELAY_DATA to another folder.',
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
    // Absent, or cut short by a crash of the machine: nobody's.
    return undefined
  }
}

function running(pid: number): Running {
  return { pid, started: startOf(pid) }
}

function lives({ pid, started }: Running): boolean {
  return startOf(pid) === started
}

/** When the process started, in whatever words the system has; empty if it doesn't run. */
function startOf(pid: number): string {
  try {
    if (process.platform === 'linux') {
      // Field 22 counts from the second, the name, which may hold spaces and parentheses.
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
      return fields[0] === 'Z' ? '' : `${boot} ${fields[19]}`
    }
    return execFileSync('ps', ['-o', 'lstart=', '-p', `${pid}`], { encoding: 'utf8' }).trim()
  } catch {
    return ''
  }
}
