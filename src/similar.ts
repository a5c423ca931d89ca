/** Which of some names a caller may have meant. Leaf. */

/** Letters compared of each name: enough to tell names apart, few enough to compare 200 of them. */
const COMPARED = 40

/** The `limit` names most like `name`, best first. Case and order of hits are ignored. */
export function closest(name: string, names: readonly string[], limit = 3): string[] {
  const wanted = normalized(name)
  return names
    .map((candidate) => ({ candidate, distance: distance(wanted, normalized(candidate)) }))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, limit)
    .map(({ candidate }) => candidate)
}

/** A name in quotes, with whatever would break a line escaped. */
export function quoted(name: string): string {
  return JSON.stringify(name)
}

function normalized(name: string): string {
  return name.trim().toLowerCase().slice(0, COMPARED)
}

/**
 * Edits (insert, delete, replace, swap neighbours) from `a` to `b`. A text that contains `a` is
 * closer than any that must be edited: people leave out the rest of a long name.
 */
function distance(a: string, b: string): number {
  if (a === b) return 0
  if (a !== '' && b.includes(a)) return 0.5
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let edits = Math.min(at(last, j) + 1, at(row, j - 1) + 1, at(last, j - 1) + (same ? 0 : 1))
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      if (swapped) edits = Math.min(edits, at(beforeLast, j - 2) + 1)
      row.push(edits)
    }
    beforeLast = last
    last = row
  }
  return at(last, b.length)
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY
}
