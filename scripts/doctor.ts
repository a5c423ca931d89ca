/**
 * `npm run doctor`: looks at a relay from the address to the database, and says of what is wrong
 * what was seen, why it matters and what mends it. Posts nothing and moves no cursor.
 *
 *   RELAY_URL=https://relay-mcp.example.workers.dev RELAY_API_KEY=… npm run doctor
 *
 * Without RELAY_URL it looks at the relay of `npm start`. For another program:
 *
 *   npm run --silent doctor -- --json
 *
 * prints one document: `target`, the origin that was looked at; `ok`; `checks`, a list of `id`
 * (README, Troubleshooting), `outcome` (`ok`, `warning`, `failed`, or `unknown` for what could not be
 * looked at), `seen`, and with a warning or failure `why` and `fix`, a list: the command, or what else to
 * do, then what to know for it. Where nothing could be looked at, it is `ok: false` and `message`.
 * Exit codes: 0 nothing failed (warnings do not count), 1 something failed, 2 a setting is missing, so
 * that nothing could be looked at.
 */
import { parseArgs } from 'node:util'
import { examine, type Outcome, type Result } from './doctor/check.ts'
import { CHECKS } from './doctor/checks.ts'
import { subjectOf } from './doctor/subject.ts'
import { readTarget } from './lib/target.ts'
import { UserError } from './lib/user-error.ts'

const WIDTH = Math.max(...CHECKS.map(({ id }) => id.length))
const MARKS: Record<Outcome, string> = { ok: 'ok', warning: 'warn', failed: 'FAIL', unknown: '' }

const isForMachines = process.argv.includes('--json')
try {
  const { values } = parseArgs({ options: { json: { type: 'boolean' } } })
  const subject = subjectOf(readTarget())
  if (!values.json) console.log(`relay at ${subject.origin}\n`)
  const checks: Result[] = []
  for await (const result of examine(CHECKS, subject)) {
    checks.push(result)
    if (!values.json && result.outcome !== 'unknown') console.log(linesOf(result))
  }
  const ok = checks.every(({ outcome }) => outcome !== 'failed')
  const report = { target: subject.origin, ok, checks }
  console.log(values.json ? JSON.stringify(report, null, 2) : `\n${summaryOf(checks)}`)
  process.exitCode = ok ? 0 : 1
} catch (error) {
  const { code = '', message } = error as NodeJS.ErrnoException
  if (!(error instanceof UserError) && !code.startsWith('ERR_PARSE_ARGS')) throw error
  if (isForMachines) console.log(JSON.stringify({ ok: false, message }, null, 2))
  else console.error(message)
  process.exitCode = 2
}

function linesOf({ id, outcome, seen, why, fix }: Result): string {
  const line = `${MARKS[outcome].padEnd(4)} ${id.padEnd(WIDTH)} ${seen}`
  if (fix === undefined) return line
  return `${line}\n     why: ${why}\n     fix: ${fix.join('\n          ')}`
}

function summaryOf(checks: Result[]): string {
  const ids = (outcome: Outcome) =>
    checks.filter((one) => one.outcome === outcome).map(({ id }) => id)
  const counts =
    `${ids('ok').length} ok, ${ids('warning').length} could be better, ` +
    `${ids('failed').length} failed.`
  const unknown = ids('unknown')
  if (unknown.length === 0) return counts
  return `${counts} Not looked at until that is mended: ${unknown.join(', ')}.`
}
