/** The relay's key, if the person pasted it to have it filled in: in memory only, gone with the tab. */
import { signal } from '@preact/signals'

export const knownKey = signal('')

/** The placeholder in the guides of src/pages/connect-guides.ts. */
const PLACEHOLDER = 'YOUR_RELAY_API_KEY'

/** What a key is made of. Anything else in a command could do more there than be a key. */
const KEY = /^[\w.~+/=-]{8,200}$/

/** A block with the key filled in. */
export function fillKey(text: string): string {
  const key = knownKey.value.trim()
  return KEY.test(key) ? text.replaceAll(PLACEHOLDER, () => key) : text
}

/** The same for the eyes: only the ends of the key. */
export function fillKeyForEyes(text: string): string {
  const key = knownKey.value.trim()
  if (!KEY.test(key)) return text
  return text.replaceAll(PLACEHOLDER, () => `${key.slice(0, 4)}…${key.slice(-4)}`)
}
