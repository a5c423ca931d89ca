/** How a call waits: when it looks again, and how it stops when the client has gone. Leaf. */

/** Milliseconds of a wait in which it looks every second. */
const EAGER_TIME = 20_000

/**
 * The pause before a wait looks again, in milliseconds: one second for the first 20, then two, and no more
 * than is left of the wait; 0 or less once it is over. Looking takes time as well, and is part of the wait. At
 * most 33 pauses in 45 seconds; a Worker may make 50 requests.
 */
export function nextPause(waited: number, wait: number): number {
  return Math.min(waited < EAGER_TIME ? 1000 : 2000, wait - waited)
}

/** Resolves after the time, or at once when the signal aborts. */
export function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const timer = setTimeout(resolve, milliseconds)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}
