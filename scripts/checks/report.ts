/** Formats the results of checks for a person. */
import type { Outcome, Result } from './check.ts'

const MARKS: Record<Outcome, string> = { ok: 'ok', warning: 'warn', failed: 'FAIL', unknown: '?' }

/** Formats a result as one line; a problem gets further lines with why it matters and how to fix it. */
export function formatResult({ id, outcome, seen, why, fix }: Result, width = 0): string {
  const line = `${MARKS[outcome].padEnd(4)} ${id.padEnd(width)} ${seen}`
  if (fix === undefined) return line
  return `${line}\n     why: ${why}\n     fix: ${fix.join('\n          ')}`
}

/** Formats a group: its problems, or one line if it has none. */
export function formatGroup(title: string, results: Result[], width: number): string {
  const problems = results.filter(({ fix }) => fix !== undefined)
  if (problems.length > 0) return problems.map((result) => formatResult(result, width)).join('\n')
  const good = count(results, 'ok')
  if (good === 0) return `${MARKS.unknown.padEnd(4)} ${title}: not checked`
  return `${MARKS.ok.padEnd(4)} ${title}: ${good} of ${results.length} checks`
}

export function summarize(results: Result[]): string {
  const [ok, warnings, failed, unknown] = (['ok', 'warning', 'failed', 'unknown'] as const).map(
    (outcome) => count(results, outcome),
  )
  const rest = unknown ? ` Not checked: ${unknown}.` : ''
  return `${ok} ok, ${warnings} warnings, ${failed} failed.${rest}`
}

const count = (results: Result[], outcome: Outcome) =>
  results.filter((one) => one.outcome === outcome).length
