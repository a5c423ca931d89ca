/** Formats the results of checks for a person. */
import type { Outcome, Result } from './check.ts'
import type { Group } from './list.ts'

const MARKS: Record<Outcome, string> = { ok: 'ok', warning: 'warn', failed: 'FAIL', unknown: '?' }

/** Formats a result as one line; a problem gets further lines with why it matters and how to fix it. */
export function formatResult({ id, outcome, seen, why, fix }: Result, width: number): string {
  const line = `${MARKS[outcome].padEnd(4)} ${id.padEnd(width)} ${seen}`
  if (fix === undefined) return line
  return `${line}\n     why: ${why}\n     fix: ${fix.join('\n          ')}`
}

/**
 * Formats a group: one line if all its checks passed, otherwise only the problems. Where all of them saw
 * the same, such as that there is no Supabase project, the line says that.
 */
export function formatGroup({ title, checks }: Group, results: Result[], width: number): string {
  const ids = new Set(checks.map(({ id }) => id))
  const own = results.filter(({ id }) => ids.has(id))
  const shown = own.filter(({ outcome }) => outcome === 'failed' || outcome === 'warning')
  if (shown.length > 0) return shown.map((result) => formatResult(result, width)).join('\n')
  const good = own.filter(({ outcome }) => outcome === 'ok').length
  const [seen, ...others] = new Set(own.map((one) => one.seen))
  if (good === own.length && others.length === 0 && good > 1)
    return `${MARKS.ok.padEnd(4)} ${title}: ${seen}`
  if (good === 0) return `${MARKS.unknown.padEnd(4)} ${title}: not checked`
  return `${MARKS.ok.padEnd(4)} ${title}: ${good} of ${own.length} checks`
}

/** Whether a check could not run because of another one. */
export function isBlocked({ outcome, seen }: Result): boolean {
  return outcome === 'unknown' && NEEDS.test(seen)
}

const NEEDS = /^Not checked: it needs (.*)\.$/

/** Counts the outcomes, and the checks skipped because of each; lists the other skipped ones. */
export function summarize(results: Result[]): string {
  const having = (outcome: Outcome) => results.filter((one) => one.outcome === outcome)
  const count = (outcome: Outcome) => having(outcome).length
  const sentences = [`${count('ok')} ok, ${count('warning')} warnings, ${count('failed')} failed.`]
  const blocked = Map.groupBy(results.filter(isBlocked), ({ seen }) => NEEDS.exec(seen)?.[1])
  for (const [cause, { length }] of blocked) {
    const checks = length === 1 ? '1 check' : `${length} checks`
    sentences.push(`Not checked, because of ${cause}: ${checks}.`)
  }
  const others = having('unknown').filter((one) => !isBlocked(one))
  if (others.length > 0) sentences.push(`Not checked: ${others.map(({ id }) => id).join(', ')}.`)
  return sentences.join(' ')
}
