/**
 * What a check is, and how a list of them is run: in order, and one whose prerequisites do not hold
 * says so, instead of failing with what only follows from them.
 */
import { causeOf, type Subject } from './subject.ts'

/** `unknown`: it could not be looked at. `warning`: the relay works, and could do so better. */
export type Outcome = 'ok' | 'warning' | 'failed' | 'unknown'

export type Finding =
  | { outcome: 'ok' | 'unknown'; seen: string }
  /** `fix` is the command that mends it, or what else to do, and then what must be known for it. */
  | { outcome: 'warning' | 'failed'; seen: string; fix: string[] }

export interface Check {
  /** Stable: the README's table and other programs go by it. */
  id: string
  /** Ids of the checks before this one that must not have failed. */
  needs: string[]
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

/** Runs the checks and yields each result as it comes. */
export async function* examine(checks: Check[], subject: Subject): AsyncGenerator<Result> {
  /** What each check that did not hold goes back to: itself, or what kept it from being looked at. */
  const roots = new Map<string, string[]>()
  for (const { id, needs, why, look } of checks) {
    const missing = [...new Set(needs.flatMap((need) => roots.get(need) ?? []))]
    const finding =
      missing.length > 0
        ? unknown(`Not looked at: it needs ${missing.join(', ')}.`)
        : await look(subject).catch(cutShort)
    const { outcome } = finding
    if (outcome === 'failed') roots.set(id, [id])
    if (outcome === 'unknown') roots.set(id, missing.length > 0 ? missing : [id])
    const isWrong = outcome === 'failed' || outcome === 'warning'
    yield { id, ...finding, ...(isWrong && { why }) }
  }
}

/** A request of the check itself got no answer, or one that nobody foresaw, although others did. */
function cutShort(error: Error): Finding {
  return failed(`Cut short: ${causeOf(error).slice(0, 300)}.`, 'npm run doctor')
}
