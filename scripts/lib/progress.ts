/** How far a long run is: one line on a terminal, rewritten; elsewhere a line now and then. */

export interface Progress {
  done: number
  add(count: number): void
  end(): void
}

const PAUSE_MS = 5000

/** `total` may be an estimate. */
export function startProgress(done: number, total: number): Progress {
  const { stderr } = process
  let saidAt = Date.now()
  return {
    done,
    add(count) {
      this.done += count
      const text = `${this.done.toLocaleString('en')} of ${Math.max(total, this.done).toLocaleString('en')}`
      if (stderr.isTTY) stderr.write(`\r${text} `)
      else if (Date.now() - saidAt > PAUSE_MS) {
        saidAt = Date.now()
        stderr.write(`${text}\n`)
      }
    },
    end() {
      if (stderr.isTTY) stderr.write('\r\u001b[K')
    },
  }
}
