/** `npm run smoke`: runs a smoke test against a running relay. */
import { examine, type Result } from '../checks/check.ts'
import { checksOf, SMOKE } from '../checks/list.ts'
import { formatResult, isBlocked, summarize } from '../checks/report.ts'
import { createSubject } from '../checks/subject.ts'
import { defineCommand } from '../lib/command.ts'
import { readTarget } from '../local/target.ts'

const HELP = `
npm run smoke

Uses a running relay as its clients do, and prints a line for each check. Creates two threads and archives
them.

Tests the relay of npm start, whatever its port. To test another relay, set RELAY_URL and RELAY_API_KEY:

  RELAY_URL=https://relay-mcp.example.workers.dev RELAY_API_KEY=$RELAY_KEY npm run smoke
`

const CHECKS = checksOf(SMOKE)
const WIDTH = Math.max(...CHECKS.map(({ id }) => id.length))

export const command = defineCommand({
  help: HELP,
  options: {},
  async run() {
    const subject = createSubject(readTarget())
    console.log(`relay at ${subject.origin}`)
    const results: Result[] = []
    for await (const result of examine(CHECKS, subject)) {
      results.push(result)
      // The summary counts the checks skipped because of another check.
      if (!isBlocked(result)) console.log(formatResult(result, WIDTH))
    }
    console.log(summarize(results))
    return results.some(({ outcome }) => outcome === 'failed') ? 1 : 0
  },
})
