/** The board's connection to the relay, and the one line that describes it. */
import { signal } from '@preact/signals'
import { type Fault, faultOf } from '../relay/fault.ts'

/** The fault that calls run into at present; undefined while they succeed. */
export const trouble = signal<Fault | undefined>(undefined)

/** Notes that a call succeeded. */
export function noteSuccess(): void {
  if (trouble.peek()) trouble.value = undefined
}

/** Notes why a call failed; a refusal says nothing about how the relay is. Returns the fault. */
export function noteFault(error: unknown): Fault {
  const fault = faultOf(error)
  if (fault.kind !== 'refused' && fault.kind !== 'read_only') trouble.value = fault
  return fault
}

/** A short message at the edge of the page, with at most one thing to do about it. */
export interface Toast {
  text: string
  action?: { label: string; run: () => void }
}

export const toast = signal<Toast | undefined>(undefined)

let timer: number | undefined

/** Shows a toast for some milliseconds: a few seconds, longer when there is something to press. */
export function say(text: string, action?: Toast['action'], time = action ? 10_000 : 4_000): void {
  clearTimeout(timer)
  toast.value = action ? { text, action } : { text }
  timer = setTimeout(hideToast, time)
}

export function hideToast(): void {
  toast.value = undefined
}
