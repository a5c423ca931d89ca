/** The key in the blocks to copy. */

/** The placeholder in the guides of connect-guides.ts. */
const PLACEHOLDER = 'YOUR_RELAY_KEY'

/** The characters of a key. Any other could act as part of the command. A key for one client has some 500. */
const KEY = /^[\w.~+/=-]{8,2000}$/

/** A block with the key filled in: the whole of it to copy, only its ends to look at. */
export function fillIn(text: string, given: string, isForEyes: boolean): string {
  const key = given.trim()
  if (!KEY.test(key)) return text
  const shown = isForEyes ? `${key.slice(0, 4)}…${key.slice(-4)}` : key
  return text.replaceAll(PLACEHOLDER, () => shown)
}
