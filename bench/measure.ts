/** Timing what is to be compared in turns, so that whatever else the machine does hits all alike. */

export type Timed = () => Promise<unknown>

/** The medians of what is timed, in milliseconds, by the names it was given under. */
export async function medians<Name extends string>(
  timed: Record<Name, Timed>,
  samples: number,
): Promise<Record<Name, number>> {
  const entries = Object.entries(timed) as [Name, Timed][]
  const times = new Map(entries.map(([name]) => [name, [] as number[]]))
  // A fifth more at first, which are not counted: connections open and code gets compiled.
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

/** How often something ends in a second when so many run at the same time. */
export async function perSecond(run: Timed, width: number, count: number): Promise<number> {
  let left = count
  const startedAt = performance.now()
  await Promise.all(
    Array.from({ length: width }, async () => {
      while (left > 0) {
        left -= 1
        await run()
      }
    }),
  )
  return (count * 1000) / (performance.now() - startedAt)
}

export function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const half = Math.floor(sorted.length / 2)
  const upper = sorted[half] as number
  return sorted.length % 2 ? upper : (upper + (sorted[half - 1] as number)) / 2
}
