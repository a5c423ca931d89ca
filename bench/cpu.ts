/** CPU time of processes, as the operating system counts it: what a call costs, not how long it waits. */
import { readdirSync, readFileSync } from 'node:fs'

/** The processes of each part, by the name that the figures are reported under. */
export type Parts<Name extends string> = Record<Name, () => number[]>

/** The microseconds of CPU that each process has used so far, by part; nothing where there is no /proc. */
export type CpuSample<Name extends string> = Record<Name, Map<number, number>>

export function sampleCpu<Name extends string>(parts: Parts<Name>): CpuSample<Name> {
  const entries = Object.entries<() => number[]>(parts).map(([name, pids]) => {
    return [name, new Map(pids().map((pid) => [pid, cpuOf(pid)]))]
  })
  return Object.fromEntries(entries)
}

/** Returns what a part used between two samples, without processes that ended in between. */
export function usedBetween<Name extends string>(
  before: CpuSample<Name>,
  after: CpuSample<Name>,
  part: Name,
): number {
  return [...after[part]].reduce((sum, [pid, used]) => sum + used - (before[part].get(pid) ?? 0), 0)
}

/** The first figure of a task's schedstat is its time on a CPU in nanoseconds. */
function cpuOf(pid: number): number {
  return list(`/proc/${pid}/task`).reduce((sum, task) => {
    const [nanoseconds = '0'] = read(`/proc/${pid}/task/${task}/schedstat`).split(' ')
    return sum + Number(nanoseconds) / 1000
  }, 0)
}

/** Lists a process and its children: PostgreSQL has one process for each connection. */
export function familyOf(pid: number): number[] {
  const children = list(`/proc/${pid}/task`).flatMap((task) =>
    read(`/proc/${pid}/task/${task}/children`).trim().split(' ').filter(Boolean),
  )
  return [pid, ...children.map(Number)]
}

function list(path: string): string[] {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
