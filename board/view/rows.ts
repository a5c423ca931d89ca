/** The rows of what waits for the person, for the keyboard: which one is meant, and the way between them. */
import { signal } from '@preact/signals'

/** The key of the row that had the focus last; the first row before that. */
export const currentKey = signal<string | undefined>(undefined)

function findRow(): HTMLElement | undefined {
  const rows = [...document.querySelectorAll<HTMLElement>('.item.at')]
  return rows.find((row) => row.checkVisibility())
}

/** Moves the focus by one row. Returns whether there is one. */
export function stepRow(by: number): boolean {
  const rows = [...document.querySelectorAll<HTMLElement>('.item[data-row]')]
  if (rows.length === 0) return false
  const at = rows.findIndex((row) => row.contains(document.activeElement))
  const next = rows[at < 0 ? 0 : at + by]
  // Before the first row, there is nothing to go to.
  if (!next) return by < 0
  next.querySelector<HTMLElement>('.question')?.focus()
  return true
}

/** Presses a button of the row that is meant: `answer`, `done` or `put-off`. Returns whether there is one. */
export function pressRow(button: string): boolean {
  const found = findRow()?.querySelector<HTMLElement>(`.${button}`)
  found?.click()
  return found !== undefined && found !== null
}
