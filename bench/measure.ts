/** Times alternatives in turn, so that other load on the machine affects them equally. */

export type Timed = () => Promise<unknown>

/** Times each function and returns the medians in milliseconds, under the same names. */
export async function measureMedians<Name extends string>(
  timed: Record<Name, Timed>,
  samples: number,
): Promise<Record<Name, number>> {
  const entries = Object.entries(timed) as [Name, Timed][]
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
