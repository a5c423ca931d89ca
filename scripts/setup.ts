/**
 * `npm run setup`: from a clone to a relay on Cloudflare Workers and Supabase. Says of each step
 * what it does, asks for what only the person has, and tries each answer. It can be cut short and
 * run again at any time: answers are kept in .relay/setup.json, and what is done is not done twice.
 *
 *   npm run setup -- --dry-run     shows the steps and changes nothing
 *   npm run setup -- --take-over   takes over a relay that runs, without asking whether
 *
 * What is not kept is taken from the environment before it is asked for, and must be there where
 * there is no terminal to ask in: SUPABASE_URL, SUPABASE_SERVICE_KEY, DATABASE_URL, RELAY_WORKER,
 * RELAY_USER_ID, CLOUDFLARE_ACCOUNT_ID; RELAY_URL and RELAY_API_KEY of a relay that is taken over.
 * Exit codes: 0 done, 1 refused in a sentence, 130 stopped by Ctrl-C.
 */
import { parseArgs } from 'node:util'
import { KEPT_IN, readDeployment } from './deploy/deployment.ts'
import { settleUserAndKey } from './deploy/keys.ts'
import { chooseProject, migrateProject } from './deploy/project.ts'
import type { Setup, Step } from './deploy/steps.ts'
import { announce, begin, say, show } from './deploy/terminal.ts'
import { chooseAccount, chooseRelay } from './deploy/which-relay.ts'
import { deployWorker, testDeployment } from './deploy/worker.ts'
import { UserError } from './lib/user-error.ts'

const STEPS: Step[] = [
  {
    title: 'Cloudflare',
    does: 'Finds out who is logged in, and which account to deploy to.',
    run: chooseAccount,
  },
  {
    title: 'Relay',
    does: 'Asks whether this is a new relay or one that runs, and names the Worker.',
    run: chooseRelay,
  },
  {
    title: 'Supabase',
    does: 'Asks for the URL of the project and its secret key, and tries them.',
    run: chooseProject,
  },
  {
    title: 'Database',
    does: 'Looks for the relay’s SQL in the project, and has it applied where it is missing.',
    run: migrateProject,
  },
  {
    title: 'User and key',
    does: 'Reads from the database whose threads it holds, and makes what is missing.',
    run: settleUserAndKey,
  },
  {
    title: 'Deployment',
    does: 'Uploads the Worker with its secrets to Cloudflare.',
    run: deployWorker,
  },
  {
    title: 'Smoke test',
    does: 'Talks to the deployed relay as clients do, in two threads that it archives.',
    run: testDeployment,
  },
]

const GO_ON = `"npm run setup" goes on from here; what is known is kept in ${KEPT_IN}.`

async function main(): Promise<void> {
  const options = readOptions()
  const setup: Setup = { takesOver: options['take-over'], deployment: readDeployment() }
  if (options['dry-run']) return showSteps(setup)

  const end = begin('relay-mcp: set-up', GO_ON)
  for (const { title, does, run } of STEPS) {
    announce(title, does)
    await run(setup)
  }
  const { url, RELAY_API_KEY: key } = setup.deployment
  say(`The relay is up. Its key, which is kept in ${KEPT_IN}:`)
  show(key ?? '')
  end(`How each client is connected: ${url}/`)
}

function readOptions() {
  const option = { type: 'boolean', default: false } as const
  try {
    return parseArgs({ options: { 'dry-run': option, 'take-over': option } }).values
  } catch (error) {
    throw new UserError((error as Error).message)
  }
}

function showSteps({ deployment }: Setup): void {
  for (const [index, { title, does }] of STEPS.entries()) {
    console.log(`${index + 1}. ${title}: ${does}`)
  }
  const names = Object.keys(deployment)
  if (names.length > 0) console.log(`Known from before, in ${KEPT_IN}: ${names.join(', ')}.`)
  console.log('Nothing was done.')
}

await main().catch((error) => {
  console.error(error instanceof UserError ? `${error.message}\n${GO_ON}` : error)
  process.exit(1)
})
