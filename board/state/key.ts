/** The relay's key, if the person pasted it to have it filled in: in memory only, gone with the tab. */
import { signal } from '@preact/signals'

export const knownKey = signal('')

/** The placeholder in the guides of src/pages/connect-guides.ts. */
const PLACEHOLDER = 'YOUR_RELAY_API_KEY'

/** A block with the key filled in. */
export function fillKey(text: string): string {
  const key = knownKey.value.trim()
  return key ? text.replaceAll(PLACEHOLDER, () => key) : text
}

/** The same for the eyes: only the ends of the key. */
export function fillKeyForEyes(text: string): string {
  const key = knownKey.value.trim()
  return key ? text.replaceAll(PLACEHOLDER, () => `${key.slice(0, 4)}…${key.slice(-4)}`) : text
}
