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

/** Formats a group: one line if all its checks passed, otherwise only the problems. */
export function formatGroup({ title, checks }: Group, results: Result[], width: number): string {
  const ids = new Set(checks.map(({ id }) => id))
  const own = results.filter(({ id }) => ids.has(id))
  const shown = own.filter(({ outcome }) => outcome === 'failed' || outcome === 'warning')
  if (shown.length > 0) return shown.map((result) => formatResult(result, width)).join('\n')
  const good = own.filter(({ outcome }) => outcome === 'ok').length
  if (good === 0) return `${MARKS.unknown.padEnd(4)} ${title}: not checked`
  return `${MARKS.ok.padEnd(4)} ${title}: ${good} of ${own.length} checks`
}

/** Counts the outcomes and lists what could not be checked. */
export function summarize(results: Result[]): string {
  const ids = (outcome: Outcome) =>
    results.filter((one) => one.outcome === outcome).map(({ id }) => id)
  const counts = `${ids('ok').length} ok, ${ids('warning').length} warnings, ${ids('failed').length} failed`
  const unknown = ids('unknown')
  return unknown.length === 0 ? `${counts}.` : `${counts}. Not checked: ${unknown.join(', ')}.`
}
