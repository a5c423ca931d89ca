/** CPU time of processes, as the operating system counts it: what a call costs, not how long it waits. */
import { readdirSync, readFileSync } from 'node:fs'

/** The processes of each part, by the name that the figures are reported under. */
export type Parts<Name extends string> = Record<Name, () => number[]>

/**
 * Returns the microseconds of CPU that each part has used so far; zeros where there is no /proc. Take
 * the difference of two samples. A process that ended in between is not counted.
 */
export function sampleCpu<Name extends string>(parts: Parts<Name>): Record<Name, number> {
  const entries = Object.entries<() => number[]>(parts).map(([name, pids]) => {
    return [name, pids().reduce((sum, pid) => sum + cpuOf(pid), 0)]
  })
  return Object.fromEntries(entries)
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
