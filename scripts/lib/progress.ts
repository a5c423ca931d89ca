/** Shows the progress of a long run: one updating line on a terminal, otherwise a line every 5 s. */

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
