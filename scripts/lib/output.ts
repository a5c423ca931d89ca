/** Handles an output that no one reads any more, as with `npm run doctor | head`. Leaf. */

/**
 * Ends the process quietly, with exit code 1, when its output cannot be written any more: the
 * person did not see its result. A process that serves others continues without output instead.
 */
export function handleClosedOutput({ continues = false } = {}): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (continues) return
      if (error.code !== 'EPIPE' && stream === process.stdout) {
        console.error(`The output cannot be written: ${error.message}.`)
      }
      process.exit(1)
    })
  }
}
