/**
 * Actions that the person can undo for a few seconds, before the relay hears of them. Hiding or closing the
 * page ends this time, and so does the next such action.
 */
import { hideToast, say, type Toast, toast } from './status.ts'

/** Milliseconds. */
const UNDO = 5_000

let waiting: { act: () => void; timer: number; toast: Toast | undefined } | undefined

document.addEventListener('visibilitychange', () => {
  if (document.hidden) actNow()
})
addEventListener('pagehide', actNow)

/** Acts after a few seconds, in which `undo` can take the place of it. */
export function delay(text: string, act: () => void, undo: () => void): void {
  actNow()
  const timer = setTimeout(actNow, UNDO)
  const run = () => {
    if (waiting?.timer !== timer) return
    clearTimeout(timer)
    waiting = undefined
    undo()
  }
  say(text, { label: 'Undo', run }, UNDO)
  waiting = { act, timer, toast: toast.peek() }
}

/** Does at once what waits for its undo. */
export function actNow(): void {
  if (!waiting) return
  const { act, timer, toast: shown } = waiting
  waiting = undefined
  clearTimeout(timer)
  if (toast.peek() === shown) hideToast()
  act()
}
