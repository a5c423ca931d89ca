/** `npm run doctor`: finds and explains problems with a relay. */
import { examine, type Result } from '../checks/check.ts'
import { DOCTOR, WIDTH } from '../checks/list.ts'
import { formatGroup, formatResult, summarize } from '../checks/report.ts'
import { createSubject } from '../checks/subject.ts'
import { defineCommand } from '../lib/command.ts'
import { UserError } from '../lib/user-error.ts'
import { readTarget } from '../local/target.ts'

const HELP = `
npm run doctor -- [--verbose] [--json]

Checks a relay from its address to its database. For each problem, prints what it found, why it matters
and how to fix it. Posts nothing and moves no cursor. Warnings do not count as failures.

  --verbose   show every check, not only problems
  --json      print one JSON document: target, ok and checks. Each check has id, outcome (ok, warning,
              failed, or unknown if it could not run) and seen, and a problem also has why and fix. If no
              check could run, the document has ok (false) and message. Use npm run --silent.

Checks the relay of npm start, whatever its port. To check another relay, set RELAY_URL and RELAY_API_KEY:

  RELAY_URL=https://relay-mcp.example.workers.dev RELAY_API_KEY=$RELAY_KEY npm run doctor
`

export const command = defineCommand({
  help: HELP,
  options: { verbose: { type: 'boolean' }, json: { type: 'boolean' } },
  async run({ verbose, json }) {
    try {
      const subject = createSubject(readTarget())
      const publicUrl = subject.home?.publicUrl
      const isBehindTunnel = publicUrl !== undefined && publicUrl !== subject.origin
      if (!json) {
        console.log(`relay at ${subject.origin}`)
        if (isBehindTunnel) console.log(`Public URL ${publicUrl}`)
        console.log()
      }
      const all: Result[] = []
      for await (const { title, results } of examine(DOCTOR, subject)) {
        all.push(...results)
        if (json) continue
        if (!verbose) console.log(formatGroup(title, results, WIDTH))
        else for (const result of results) console.log(formatResult(result, WIDTH))
      }
      const ok = all.every(({ outcome }) => outcome !== 'failed')
      const report = { target: subject.origin, ok, checks: all }
      console.log(json ? JSON.stringify(report, null, 2) : `\n${summarize(all)}`)
      if (isBehindTunnel && !json) {
        console.log(`To check the tunnel too: RELAY_URL=${publicUrl} npm run doctor`)
      }
      return ok ? 0 : 1
    } catch (error) {
      if (!json || !(error instanceof UserError)) throw error
      console.log(JSON.stringify({ ok: false, message: error.message }, null, 2))
      return error.exitCode
    }
  },
})
