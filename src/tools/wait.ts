/** How a call waits: when it looks again, and how it stops when the client has gone. Leaf. */

/** Seconds of a wait in which it looks every second. */
const EAGER_SECONDS = 20

/**
 * The pauses of a wait in seconds: one for the first 20 seconds, then two, the last one cut so that the
 * wait is no longer than asked. At most 33 in 45 seconds; a Worker may make 50 requests.
 */
export function pauses(waitSeconds: number): number[] {
  const fitting: number[] = []
  for (let waited = 0; waited < waitSeconds; ) {
    const pause = Math.min(waited < EAGER_SECONDS ? 1 : 2, waitSeconds - waited)
    fitting.push(pause)
    waited += pause
  }
  return fitting
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
