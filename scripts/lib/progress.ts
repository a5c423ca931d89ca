/** Shows the progress of a long run in one line of a terminal; elsewhere it shows nothing. */
export function startProgress(total: number) {
  const { stderr } = process
  let done = 0
  return {
    add(count: number) {
      done += count
      // `total` may be an estimate.
      if (stderr.isTTY) stderr.write(`\r${done} of ${Math.max(total, done)} `)
    },
    end() {
      if (stderr.isTTY) stderr.write('\r\u001b[K')
    },
  }
}
