/** Which of some names a caller may have meant, and how a name is written. Leaf. */

/** Characters compared of each name: enough to tell names apart, few enough to compare 200 of them. */
const COMPARED = 40

/** The `limit` names most like `name`, best first. Ignores case. */
export function closest(name: string, names: readonly string[], limit = 3): string[] {
  return rank(name, names)
    .slice(0, limit)
    .map(({ candidate }) => candidate)
}

/**
 * Only those that are so close that `name` may be a typing mistake or a variant, best first. Names of
 * one or two characters, and names that differ in their digits only, are not taken for each other.
 */
export function resembling(name: string, names: readonly string[], limit = 3): string[] {
  if (isShort(name)) return []
  const slips = Math.max(1, Math.floor(Math.min(name.length, COMPARED) / 4))
  return rank(name, names)
    .filter(({ candidate, distance }) => distance <= slips && !isShort(candidate))
    .filter(({ candidate }) => candidate === name || !isOfOneSeries(candidate, name))
    .slice(0, limit)
    .map(({ candidate }) => candidate)
}

function isShort(name: string): boolean {
  return name.trim().length <= 2
}

/** Whether two names are of a numbered series, such as issue-12 and issue-13. */
function isOfOneSeries(a: string, b: string): boolean {
  const withoutDigits = (name: string) => foldName(name).replaceAll(/\p{Nd}+/gu, '0')
  return withoutDigits(a) === withoutDigits(b) && foldName(a) !== foldName(b)
}

/** The relay treats names as one if they differ only in case, spaces, `-` and `_`. */
export function foldName(name: string): string {
  return name
    .trim()
    .toLowerCase()
    .replace(/[\s_-]+/g, '-')
}

/** A name in quotes, with whatever would break a line escaped. */
export function quote(name: string): string {
  return JSON.stringify(name)
}

function rank(name: string, names: readonly string[]) {
  const wanted = normalize(name)
  return names
    .map((candidate) => ({ candidate, distance: distance(wanted, normalize(candidate)) }))
    .sort((a, b) => a.distance - b.distance)
}

function normalize(name: string): string {
  return name.trim().toLowerCase().slice(0, COMPARED)
}

/**
 * Edits (insert, delete, replace, swap neighbours) from `a` to `b`. A text that contains `a` is closer
 * than any that needs an edit: people leave out the rest of a long name. One that is contained in `a`
 * is near: people add something to a name that they know.
 */
function distance(a: string, b: string): number {
  if (a === b) return 0
  if (a.length > 2 && b.includes(a)) return 0.5
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
  const edits = at(last, b.length)
  return b.length > 2 && a.includes(b) ? Math.min(edits, 2.5) : edits
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY
}
