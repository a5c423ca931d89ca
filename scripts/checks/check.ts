/**
 * Defines a check and runs a list of them in order. A check whose prerequisites failed is reported as
 * not checked, so that one fault is not reported many times.
 */
import { readLog } from './fixes.ts'
import { describeCause, type Subject } from './subject.ts'

/** `unknown`: it could not be checked. `warning`: the relay works but could work better. */
export type Outcome = 'ok' | 'warning' | 'failed' | 'unknown'

export type Finding =
  | { outcome: 'ok' | 'unknown'; seen: string }
  /** `fix` starts with the command or step that repairs it; further lines add its requirements. */
  | { outcome: 'warning' | 'failed'; seen: string; fix: string[] }

export interface Check {
  /** Never changes: documents and other programs refer to it. */
  id: string
  /** Ids of earlier checks that must have passed. */
  needs?: string[]
  /** Why it matters; shown when the check fails. */
  why: string
  look(subject: Subject): Promise<Finding>
}

export interface Group {
  title: string
  checks: Check[]
}

/** One line of the doctor's report, and one element of `checks` in its JSON. */
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

/** Thrown by a check with several expectations at the first that fails. */
class Unexpected extends Error {
  override name = 'Unexpected'
}

/** Throws if `holds` is false; `examine` reports that as a failure, with `seen`. */
export function expectThat(holds: boolean, what: string, seen?: unknown): asserts holds {
  if (holds) return
  const text = typeof seen === 'string' ? seen : (JSON.stringify(seen) ?? '')
  throw new Unexpected(`Expected ${what}${text ? `, got ${text.slice(0, 300)}` : ''}.`)
}

/** Runs the checks in order, and yields the results of each group after its last check. */
export async function* examine(
  groups: Group[],
  subject: Subject,
): AsyncGenerator<{ title: string; results: Result[] }> {
  /** For each check that failed or did not run, the failed checks that caused it. */
  const roots = new Map<string, string[]>()
  for (const { title, checks } of groups) {
    const results: Result[] = []
    for (const { id, needs = [], why, look } of checks) {
      const missing = [...new Set(needs.flatMap((need) => roots.get(need) ?? []))]
      const finding =
        missing.length > 0
          ? unknown(`Not checked: it needs ${missing.join(', ')}.`)
          : await look(subject).catch((error) => explain(error, subject))
      const { outcome } = finding
      if (outcome === 'failed') roots.set(id, [id])
      if (outcome === 'unknown') roots.set(id, missing.length > 0 ? missing : [id])
      results.push({ id, ...finding, ...('fix' in finding && { why }) })
    }
    yield { title, results }
  }
}

/** Turns an error of a check into a finding: a failed expectation, or a request without an answer. */
function explain(error: Error, subject: Subject): Finding {
  if (error instanceof Unexpected) return failed(error.message, readLog(subject))
  return failed(
    `The check could not finish: ${describeCause(error).slice(0, 300)}.`,
    'npm run doctor',
  )
}
