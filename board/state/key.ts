/**
 * The key that is filled in where a client needs one: of a client, made here, or one that the person pasted.
 * In memory only, gone with the tab.
 */
import { signal } from '@preact/signals'
import { fillIn } from '../text/fill-in.ts'

export const knownKey = signal('')

/** The key that was made last in this tab, which the relay does not keep. */
export const madeKey = signal<{ name: string; isReadOnly: boolean; key: string } | undefined>(
  undefined,
)

/** A block with the key filled in. */
export function fillKey(text: string): string {
  return fillIn(text, knownKey.value, false)
}

/** The same for the eyes: only the ends of the key. */
export function fillKeyForEyes(text: string): string {
  return fillIn(text, knownKey.value, true)
}
