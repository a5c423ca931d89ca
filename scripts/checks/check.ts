/**
 * What a check is, and how a list of them is run: in order, and one whose prerequisites do not hold
 * says so instead of failing with a consequence.
 */
import { readLog } from './fixes.ts'
import { causeOf, type Subject } from './subject.ts'

/** `unknown`: it could not be checked. `warning`: the relay works, and could work better. */
export type Outcome = 'ok' | 'warning' | 'failed' | 'unknown'

export type Finding =
  | { outcome: 'ok' | 'unknown'; seen: string }
  /** `fix` is the command that repairs it, or what else to do, and then what to know for that. */
  | { outcome: 'warning' | 'failed'; seen: string; fix: string[] }

export interface Check {
  /** Stable: documents and other programs refer to it. */
  id: string
  /** Ids of the checks before this one that must not have failed. */
  needs: string[]
  /** Whether it leaves something in the relay, or counts against its limits: smoke only. */
  writes: boolean
  /** Why it matters, shown where something is wrong. */
  why: string
  look(subject: Subject): Promise<Finding>
}

/** A line of the doctor's report, and an element of `checks` in its JSON. */
export interface Result {
  id: string
  outcome: Outcome
  seen: string
  why?: string
  fix?: string[]
}

export const ok = (seen: string): Finding => ({ outcome: 'ok', seen })
export const unknown = (seen: string): Finding => ({ outcome: 'unknown', seen })
export const warning = (seen: string, ...fix: string[]): Finding => ({
  outcome: 'warning',
  seen,
  fix,
})
export const failed = (seen: string, ...fix: string[]): Finding => ({
  outcome: 'failed',
  seen,
  fix,
})

/** What a check with several expectations throws at the first that does not hold. */
class Unexpected extends Error {
  override name = 'Unexpected'
}

/** Throws what `examine` reports as a failure, with what was seen instead. */
export function expectThat(holds: boolean, what: string, seen?: unknown): asserts holds {
  if (holds) return
  const text = typeof seen === 'string' ? seen : (JSON.stringify(seen) ?? '')
  throw new Unexpected(`Expected ${what}${text ? `, got ${text.slice(0, 300)}` : ''}.`)
}

/** Runs the checks and yields each result as it comes. */
export async function* examine(checks: Check[], subject: Subject): AsyncGenerator<Result> {
  /** What each check that did not hold goes back to: itself, or what kept it from being made. */
  const roots = new Map<string, string[]>()
  for (const { id, needs, why, look } of checks) {
    const missing = [...new Set(needs.flatMap((need) => roots.get(need) ?? []))]
    const finding =
      missing.length > 0
        ? unknown(`Not checked: it needs ${missing.join(', ')}.`)
        : await look(subject).catch((error) => explain(error, subject))
    const { outcome } = finding
    if (outcome === 'failed') roots.set(id, [id])
    if (outcome === 'unknown') roots.set(id, missing.length > 0 ? missing : [id])
    const isWrong = outcome === 'failed' || outcome === 'warning'
    yield { id, ...finding, ...(isWrong && { why }) }
  }
}

/** An expectation that does not hold, or a request without an answer although others had one. */
function explain(error: Error, subject: Subject): Finding {
  if (error instanceof Unexpected) return failed(error.message, readLog(subject))
  return failed(`The check was cut short: ${causeOf(error).slice(0, 300)}.`, 'npm run doctor')
}
