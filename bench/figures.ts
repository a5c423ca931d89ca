/** Medians, CPU time and tables. */
import { readdirSync, readFileSync } from 'node:fs'

/**
 * Times each function and returns the medians in milliseconds, under the same names. They run in turn, so
 * that other load on the machine affects them equally.
 */
export async function measureMedians<Name extends string>(
  timed: Record<Name, () => Promise<unknown>>,
  samples: number,
): Promise<Record<Name, number>> {
  const entries = Object.entries(timed) as [Name, () => Promise<unknown>][]
  const times = new Map(entries.map(([name]) => [name, [] as number[]]))
  // Starts with a fifth more rounds that do not count, while connections open and code is compiled.
  for (let round = -Math.ceil(samples / 5); round < samples; round += 1) {
    for (const [name, run] of entries) {
      const startedAt = performance.now()
      await run()
      if (round >= 0) times.get(name)?.push(performance.now() - startedAt)
    }
  }
  return Object.fromEntries(
    entries.map(([name]) => [name, median(times.get(name) ?? [])]),
  ) as Record<Name, number>
}

export function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const half = Math.floor(sorted.length / 2)
  const upper = sorted[half] as number
  return sorted.length % 2 ? upper : (upper + (sorted[half - 1] as number)) / 2
}

/** The parts that a call passes through. */
export const PARTS = ['Worker', 'gateway', 'PostgreSQL'] as const
export type Parts<T> = Record<(typeof PARTS)[number], T>

/**
 * Returns the microseconds of CPU that the processes of each part used during `work`: what it costs, not
 * how long it waits. 0 where there is no /proc.
 */
export async function measureCpu(
  processes: Parts<() => number[]>,
  work: () => Promise<unknown>,
): Promise<Parts<number>> {
  const sample = () =>
    PARTS.map((part) => new Map(processes[part]().map((pid) => [pid, readCpu(pid)])))
  const before = sample()
  await work()
  const used = sample().map((after, n) =>
    [...after].reduce((sum, [pid, now]) => sum + now - (before[n]?.get(pid) ?? 0), 0),
  )
  return Object.fromEntries(PARTS.map((part, n) => [part, used[n]])) as Parts<number>
}

/** Lists a process and its children: PostgreSQL has one process for each connection. */
export function familyOf(pid: number): number[] {
  const children = listTasks(pid).flatMap((task) => read(`${task}/children`).trim().split(' '))
  return [pid, ...children.filter(Boolean).map(Number)]
}

/** The first figure of a task's schedstat is its time on a CPU in nanoseconds. */
function readCpu(pid: number): number {
  const nanoseconds = listTasks(pid).map((task) => Number.parseInt(read(`${task}/schedstat`), 10))
  return nanoseconds.reduce((sum, each) => sum + (each || 0) / 1000, 0)
}

function listTasks(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map((task) => `/proc/${pid}/task/${task}`)
  } catch {
    return []
  }
}

/** A task may end before it is read. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** Formats a Markdown table with aligned columns: the first to the left, figures to the right. */
export function formatTable(title: string, head: string[], body: string[][]): string {
  const rows = [head, ...body]
  const widths = head.map((_, column) =>
    Math.max(3, ...rows.map((row) => row[column]?.length ?? 0)),
  )
  const pad = (cell: string, i: number) =>
    i ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)
  const line = (row: string[]) => `| ${row.map(pad).join(' | ')} |`
  const rule = widths.map((width, i) => (i ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width)))
  return [`${title}:`, '', line(head), line(rule), ...body.map(line), ''].join('\n')
}
