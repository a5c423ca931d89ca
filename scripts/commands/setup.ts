/** `npm run setup`: from a clone to a relay on Cloudflare Workers and Supabase. */
import { examine, type Result } from '../checks/check.ts'
import { checksOf, SMOKE } from '../checks/list.ts'
import { formatResult, summarize } from '../checks/report.ts'
import { subjectOf } from '../checks/subject.ts'
import { KEPT_IN, readDeployment } from '../deploy/deployment.ts'
import { settleUserAndKey } from '../deploy/keys.ts'
import { chooseProject, migrateProject } from '../deploy/project.ts'
import { known, type Setup, type Step } from '../deploy/steps.ts'
import { announce, begin, during, say, show } from '../deploy/terminal.ts'
import { chooseAccount, chooseRelay } from '../deploy/which-relay.ts'
import { deployWorker } from '../deploy/worker.ts'
import { defineCommand } from '../lib/command.ts'
import { UserError } from '../lib/user-error.ts'
import { waitForVerdict } from '../lib/verdict.ts'

const HELP = `
npm run setup -- [--dry-run] [--take-over]

Deploys the relay to Cloudflare Workers and Supabase. Explains each step, asks for what only you have, and
tries each answer. Can be interrupted and run again at any time: answers are kept in .relay/setup.json,
and what is done is not done twice.

  --dry-run     show the steps and change nothing
  --take-over   take over a relay that runs, without asking

What is not kept comes from the environment before it is asked for, and must be there if there is no
terminal: SUPABASE_URL, SUPABASE_SERVICE_KEY, DATABASE_URL, RELAY_WORKER, RELAY_USER_ID,
CLOUDFLARE_ACCOUNT_ID; RELAY_URL and RELAY_API_KEY of a relay that is taken over.
`

const STEPS: Step[] = [
  {
    title: 'Cloudflare',
    does: 'Checks who is logged in, and which account to deploy to.',
    run: chooseAccount,
  },
  {
    title: 'Relay',
    does: 'Asks whether this is a new relay or an existing one, and names the Worker.',
    run: chooseRelay,
  },
  {
    title: 'Supabase',
    does: 'Asks for the URL of the project and its secret key, and tries them.',
    run: chooseProject,
  },
  {
    title: 'Database',
    does: 'Looks for the relay’s SQL in the project, and applies it if it is missing.',
    run: migrateProject,
  },
  {
    title: 'User and key',
    does: 'Reads from the database whose threads it holds, and creates what is missing.',
    run: settleUserAndKey,
  },
  {
    title: 'Deployment',
    does: 'Uploads the Worker with its secrets to Cloudflare.',
    run: deployWorker,
  },
  {
    title: 'Smoke test',
    does: 'Uses the deployed relay as clients do, in two threads that it archives.',
    run: checkDeployment,
  },
]

const CONTINUE = `Run "npm run setup" again to continue; what is known is kept in ${KEPT_IN}.`

export const command = defineCommand({
  help: HELP,
  options: { 'dry-run': { type: 'boolean' }, 'take-over': { type: 'boolean' } },
  async run(options) {
    const setup: Setup = {
      takesOver: options['take-over'] ?? false,
      deployment: readDeployment(),
    }
    if (options['dry-run']) {
      showSteps(setup)
      return undefined
    }
    const end = begin('relay-mcp: set-up', CONTINUE)
    for (const { title, does, run } of STEPS) {
      announce(title, does)
      await run(setup).catch((error) => {
        throw error instanceof UserError ? new UserError(`${error.message}\n${CONTINUE}`) : error
      })
    }
    const { url, RELAY_API_KEY: key } = setup.deployment
    say(`The relay is up. Its key, which is kept in ${KEPT_IN}:`)
    show(key ?? '')
    end(`How to connect each client: ${url}/`)
    return undefined
  },
})

function showSteps({ deployment }: Setup): void {
  for (const [index, { title, does }] of STEPS.entries()) {
    console.log(`${index + 1}. ${title}: ${does}`)
  }
  const names = Object.keys(deployment)
  if (names.length > 0) console.log(`Already known, in ${KEPT_IN}: ${names.join(', ')}.`)
  console.log('Nothing was done.')
}

/** Runs the checks of `npm run smoke` against the deployed address. */
async function checkDeployment(setup: Setup): Promise<void> {
  const url = known(setup, 'url')
  const key = known(setup, 'RELAY_API_KEY')
  await during(`Waiting for ${url}`, () => waitForVerdict(url, key, 'accepted'))
  const subject = subjectOf({ url: new URL(url), key, isOwn: false })
  const results = await during(
    'Running the smoke test',
    async () => {
      const found: Result[] = []
      for await (const result of examine(checksOf(SMOKE), subject)) found.push(result)
      return found
    },
    (found) => `Smoke test: ${summarize(found)}`,
  )
  const failures = results.filter(({ outcome }) => outcome === 'failed')
  if (failures.length === 0) return
  const lines = failures.map((failure) => formatResult(failure, 0))
  throw new UserError(`The relay is deployed, but not everything works:\n${lines.join('\n')}`)
}
