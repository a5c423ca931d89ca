/** The step of the set-up that chooses the Supabase project: through the person's account, or by hand. */
import type { Project } from '../lib/supabase-api.ts'
import { waitUntil } from '../lib/wait.ts'
import { KEPT_IN } from './deployment.ts'
import { takeHostedProject } from './hosted-project.ts'
import { known, remember, type Setup } from './steps.ts'
import { askStatus, type Finding, faultOfProjectUrl, faultOfServiceKey } from './supabase.ts'
import { ask, during, say } from './terminal.ts'

const PAUSE_MS = 2_000
/** The API of a new project answers a little later than Supabase calls it healthy. */
const PATIENCE_MS = 120_000

/** Settles the project's URL and secret key, and tests them. */
export async function chooseProject(setup: Setup): Promise<void> {
  const { deployment } = setup
  if (deployment.SUPABASE_SERVICE_KEY) {
    const finding = await testKey(projectOf(setup))
    if (finding.is !== 'fault') return say(`Using the project ${deployment.SUPABASE_URL}.`)
    say(finding.sentence)
  }
  if (await takeHostedProject(setup)) {
    return during('Waiting for its API', (more) => waitForApi(projectOf(setup), more))
  }
  const answer = await ask({
    variable: 'SUPABASE_URL',
    message: 'URL of your Supabase project (Project Settings › Data API)',
    faultOf: faultOfProjectUrl,
  })
  const url = new URL(answer).origin
  const key = await ask({
    variable: 'SUPABASE_SERVICE_KEY',
    message: 'Its secret key, sb_secret_… or service_role (Project Settings › API Keys)',
    isSecret: true,
    faultOf: (given) => faultOfServiceKey(given, url),
    faultOnTrial: async (given) => {
      const finding = await testKey({ url, key: given })
      return finding.is === 'fault' ? finding.sentence : undefined
    },
  })
  remember(setup, { SUPABASE_URL: url, SUPABASE_SERVICE_KEY: key })
  say(`Saved in ${KEPT_IN}, which only you can read.`)
}

function testKey(project: Project): Promise<Finding> {
  return during(
    'Testing the key',
    () => askStatus(project),
    (finding) =>
      finding.is === 'fault' ? 'The project refuses the key' : 'The project accepts the key',
  )
}

export function projectOf(setup: Setup): Project {
  return { url: known(setup, 'SUPABASE_URL'), key: known(setup, 'SUPABASE_SERVICE_KEY') }
}

/** Waits until the API of a project accepts its key. */
function waitForApi(project: Project, more: (text: string) => void): Promise<void> {
  const look = async () => {
    const finding = await askStatus(project)
    return finding.is === 'fault' ? finding.sentence : undefined
  }
  return waitUntil(look, { patience: PATIENCE_MS, pause: PAUSE_MS, more })
}
