/** The relay's key, if the person pasted it to have it filled in: in memory only, gone with the tab. */
import { signal } from '@preact/signals'
import { fillIn } from '../text/fill-in.ts'

export const knownKey = signal('')

/** A block with the key filled in. */
export function fillKey(text: string): string {
  return fillIn(text, knownKey.value, false)
}

/** The same for the eyes: only the ends of the key. */
export function fillKeyForEyes(text: string): string {
  return fillIn(text, knownKey.value, true)
}
