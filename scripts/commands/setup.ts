/** `npm run setup`: from a clone to a relay on Cloudflare Workers and Supabase. */
import { examine, type Result } from '../checks/check.ts'
import { SMOKE } from '../checks/list.ts'
import { formatResult, summarize } from '../checks/report.ts'
import { createSubject } from '../checks/subject.ts'
import { KEPT_IN, readDeployment } from '../deploy/deployment.ts'
import { settleUserAndKey } from '../deploy/keys.ts'
import { migrateProject } from '../deploy/migration.ts'
import { writeMigrationFiles } from '../deploy/migration-files.ts'
import { printNextSteps, showMachineKey } from '../deploy/next-steps.ts'
import { chooseProject } from '../deploy/project.ts'
import { removeDeployment } from '../deploy/removal.ts'
import { known, remember, type Setup, type Step } from '../deploy/steps.ts'
import { announce, begin, during, say, showKey, warn } from '../deploy/terminal.ts'
import { chooseAccount, chooseRelay } from '../deploy/which-relay.ts'
import { deployWorker, explainMissingTrigger } from '../deploy/worker.ts'
import { defineCommand } from '../lib/command.ts'
import { readMigrations } from '../lib/migrations.ts'
import { UsageError, UserError } from '../lib/user-error.ts'
import { isPreviousKey, waitForVerdict } from '../lib/verdict.ts'

const HELP = `
npm run setup -- [--dry-run] [--take-over] [--sql FOLDER] [--remove]

Deploys the relay to Cloudflare Workers and Supabase. Explains each step, asks for what it needs, and tests
each answer. You can interrupt it and run it again at any time: answers are saved in .relay/setup.json,
and completed steps are not repeated.

  --dry-run     list the steps without changing anything
  --take-over   take over an existing relay without asking
  --sql FOLDER  only write the migrations to a folder, under names that Supabase's CLI takes, such
                as supabase/migrations of your project
  --remove      delete the Worker, after you type its name

Answers that are not saved are read from the environment if they are set there, which they must be if
there is no terminal: SUPABASE_ACCESS_TOKEN, SUPABASE_PROJECT (a name or ref), SUPABASE_ORGANIZATION and
SUPABASE_REGION, or SUPABASE_URL and SUPABASE_SERVICE_KEY; DATABASE_URL, RELAY_WORKER, RELAY_USER_ID and
CLOUDFLARE_ACCOUNT_ID; to take over a relay, also RELAY_URL and RELAY_API_KEY; to delete one, RELAY_REMOVE.
`

const STEPS: Step[] = [
  {
    title: 'Cloudflare',
    does: 'Checks who is logged in and which account to deploy to.',
    run: chooseAccount,
  },
  {
    title: 'Relay',
    does: 'Asks whether this is a new relay or an existing one, and names the Worker.',
    run: chooseRelay,
  },
  {
    title: 'Supabase',
    does: 'Creates a project in your account, takes one of yours, or asks for its URL and secret key.',
    run: chooseProject,
  },
  {
    title: 'Database',
    does: 'Applies the migrations that the project does not have yet.',
    run: migrateProject,
  },
  {
    title: 'User and key',
    does: 'Looks up the owner of existing threads, and creates a user id and a key if they are missing.',
    run: settleUserAndKey,
  },
  {
    title: 'Deployment',
    does: 'Uploads the Worker with its secrets to Cloudflare.',
    run: deployWorker,
  },
  {
    title: 'Smoke test',
    does: 'Uses the deployed relay like a client, in a thread that it archives.',
    run: checkDeployment,
  },
]

const CONTINUE = `Run "npm run setup" again to continue. Your answers are saved in ${KEPT_IN}.`

/** For a relay whose key was rotated from another folder. */
const PREVIOUS_KEY = 'Its previous key, which stops working when its rotation is finished'

export const command = defineCommand({
  help: HELP,
  options: {
    'dry-run': { type: 'boolean' },
    'take-over': { type: 'boolean' },
    sql: { type: 'string' },
    remove: { type: 'boolean' },
  },
  async run(options) {
    const { 'dry-run': isDry = false, sql, remove } = options
    if (sql !== undefined && isDry) {
      throw new UsageError('--sql and --dry-run cannot be combined.')
    }
    if (sql !== undefined) return writeSql(sql)
    if (remove && !isDry) {
      await removeDeployment()
      return undefined
    }
    const setup: Setup = {
      takesOver: options['take-over'] ?? false,
      deployment: readDeployment(),
    }
    if (isDry) {
      if (remove) showRemoval(setup)
      else showSteps(setup)
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
    say('The relay is up.')
    const isPrevious = await isPreviousKey(url ?? '', key ?? '').catch(() => false)
    showKey(isPrevious ? PREVIOUS_KEY : 'Its own key, to sign in with', key ?? '', KEPT_IN)
    if (setup.hasNewKey) printNextSteps('planned')
    if (!isPrevious) {
      const relay = { url: new URL(known(setup, 'url')), key: known(setup, 'RELAY_API_KEY') }
      const keep = (key: string) => remember(setup, { RELAY_KEY: key })
      const machineKey = { kept: setup.deployment.RELAY_KEY, keep, place: KEPT_IN }
      await showMachineKey(relay, relay.url.origin, machineKey, setup.hasNewKey ?? false)
    }
    if (setup.hasTrigger === false) warn(explainMissingTrigger(url ?? '').join('\n'))
    end(`The board: ${url}/board/\nHow to connect each client: ${url}/`)
    return undefined
  },
})

function showSteps({ deployment }: Setup): void {
  for (const [index, { title, does }] of STEPS.entries()) {
    console.log(`${index + 1}. ${title}: ${does}`)
  }
  const names = Object.keys(deployment)
  if (names.length > 0) console.log(`Already saved in ${KEPT_IN}: ${names.join(', ')}.`)
  console.log('Nothing was changed.')
}

function showRemoval({ deployment: { worker } }: Setup): void {
  console.log(worker ? `Would delete the Worker ${worker}.` : 'There is nothing to remove.')
  console.log('Nothing was changed.')
}

function writeSql(folder: string): undefined {
  if (folder === '') throw new UsageError('The folder is missing: --sql supabase/migrations')
  const files = writeMigrationFiles(folder, readMigrations())
  for (const { path, isNew } of files) {
    console.log(isNew ? `Wrote ${path}` : `${path} is already there`)
  }
  if (files.some(({ isNew }) => isNew)) console.log('Apply it: supabase db push --remote')
}

/** Runs the checks of `npm run smoke` against the deployed address. */
async function checkDeployment(setup: Setup): Promise<void> {
  const url = known(setup, 'url')
  const key = known(setup, 'RELAY_API_KEY')
  await during(`Waiting for ${url}`, () => waitForVerdict(url, key, 'accepted'))
  const subject = createSubject({ url: new URL(url), key })
  const results = await during(
    'Running the smoke test',
    async () => {
      const found: Result[] = []
      for await (const { results } of examine(SMOKE, subject)) found.push(...results)
      return found
    },
    (found) => `Smoke test: ${summarize(found)}`,
  )
  const failures = results.filter(({ outcome }) => outcome === 'failed')
  if (failures.length === 0) return
  const lines = failures.map((failure) => formatResult(failure))
  throw new UserError(`The relay is deployed, but some checks failed:\n${lines.join('\n')}`)
}
