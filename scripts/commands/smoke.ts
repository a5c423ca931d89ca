/** `npm run smoke`: runs a smoke test against a running relay. */
import { examine, type Result } from '../checks/check.ts'
import { SMOKE, WIDTH } from '../checks/list.ts'
import { formatResult, summarize } from '../checks/report.ts'
import { createSubject } from '../checks/subject.ts'
import { defineCommand } from '../lib/command.ts'
import { readTarget } from '../local/target.ts'

const HELP = `
npm run smoke

Uses a running relay as its clients do, and prints a line for each check. Creates a thread and archives it.

Tests the relay of npm start, whatever its port. To test another relay, set RELAY_URL and RELAY_API_KEY:

  RELAY_URL=https://relay-mcp.example.workers.dev RELAY_API_KEY=$RELAY_KEY npm run smoke
`

export const command = defineCommand({
  help: HELP,
  options: {},
  async run() {
    const subject = createSubject(readTarget())
    console.log(`relay at ${subject.origin}`)
    const all: Result[] = []
    for await (const { results } of examine(SMOKE, subject)) {
      all.push(...results)
      // The summary counts those that could not run.
      const shown = results.filter(({ outcome }) => outcome !== 'unknown')
      for (const result of shown) console.log(formatResult(result, WIDTH))
    }
    console.log(summarize(all))
    return all.some(({ outcome }) => outcome === 'failed') ? 1 : 0
  },
})
