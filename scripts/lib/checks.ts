/** A list of checks, run in order: one line each with a stable id, and what was seen where one fails. */

export interface Checks {
  /** Prints whether what the id stands for holds. */
  check(id: string, holds: boolean, seen?: unknown): void
  passed: number
  failed: number
}

export function startChecks(print: (line: string) => void = console.log): Checks {
  return {
    passed: 0,
    failed: 0,
    check(id, holds, seen) {
      if (holds) this.passed += 1
      else this.failed += 1
      const detail = holds || seen === undefined ? '' : `: ${shown(seen)}`
      print(`${holds ? 'ok  ' : 'FAIL'} ${id}${detail}`)
    },
  }
}

function shown(value: unknown): string {
  return (typeof value === 'string' ? value : (JSON.stringify(value) ?? '')).slice(0, 300)
}
