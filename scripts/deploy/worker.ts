/** The Worker: its upload with its secrets, and the smoke test on what has been deployed. */
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { startChild } from '../lib/child-process.ts'
import { UserError } from '../lib/user-error.ts'
import { deploy, secretNames, type Target } from './cloudflare.ts'
import { waitForVerdict } from './relay.ts'
import { known, remember, type Setup } from './steps.ts'
import { during, warn } from './terminal.ts'

const SMOKE = fileURLToPath(new URL('../smoke.ts', import.meta.url))

export async function deployWorker(setup: Setup): Promise<void> {
  const { deployment } = setup
  const target = { account: known(setup, 'account'), worker: known(setup, 'worker') }
  const secrets = {
    RELAY_USER_ID: known(setup, 'RELAY_USER_ID'),
    SUPABASE_URL: known(setup, 'SUPABASE_URL'),
    SUPABASE_SERVICE_KEY: known(setup, 'SUPABASE_SERVICE_KEY'),
    ...((await hasKey(setup, target)) ? {} : keysOf(setup)),
  }
  const hosts = await during(
    `Deploying the Worker ${target.worker}`,
    () => deploy(target, secrets),
    (found) => `Deployed to ${found.join(' and ')}`,
  )
  const [first] = hosts
  if (!first) throw new UserError('The Worker is deployed, and has no address: see wrangler.toml.')
  const before = deployment.url
  const isSame = before && hosts.includes(new URL(before).host)
  const url = isSame ? before : `https://${first}`
  if (before && !isSame) {
    warn(
      `wrangler does not name ${before} among the addresses of this Worker. Unless it leads here by ` +
        `a domain that is set in the dashboard, clients must be given ${url}.`,
    )
  }
  remember(setup, { url, deployed_at: new Date().toISOString() })
}

/**
 * Whether the Worker has its key from here already. Then that is left alone: it may have been rotated
 * from another folder since, and what is kept in this one be the previous key.
 */
async function hasKey({ deployment }: Setup, target: Target): Promise<boolean> {
  if (!deployment.deployed_at) return false
  return (await secretNames(target))?.includes('RELAY_API_KEY') ?? false
}

function keysOf(setup: Setup): Record<string, string> {
  const RELAY_API_KEY = known(setup, 'RELAY_API_KEY')
  const { RELAY_API_KEY_PREVIOUS } = setup.deployment
  return RELAY_API_KEY_PREVIOUS ? { RELAY_API_KEY, RELAY_API_KEY_PREVIOUS } : { RELAY_API_KEY }
}

/** Runs the smoke test, as `npm run smoke` does, against the deployed address. */
export async function testDeployment(setup: Setup): Promise<void> {
  const url = known(setup, 'url')
  const key = known(setup, 'RELAY_API_KEY')
  await during(`Waiting for ${url}`, () => waitForVerdict(url, key, 'accepted'))
  const { isGood, lines } = await during(
    'Running the smoke test',
    () => smoke(url, key),
    (result) => `Smoke test: ${result.lines.at(-1)}`,
  )
  if (isGood) return
  const failures = lines.filter((line) => line.startsWith('FAIL'))
  throw new UserError(`The relay is deployed, and not as it should be:\n${failures.join('\n')}`)
}

async function smoke(url: string, key: string): Promise<{ isGood: boolean; lines: string[] }> {
  const child = await startChild(process.execPath, [SMOKE], {
    env: { ...process.env, RELAY_URL: url, RELAY_API_KEY: key },
    stdio: ['ignore', 'pipe', 'inherit'],
    lastSignal: 'KILL',
  })
  const [printed, end] = await Promise.all([
    text(child.process.stdout as NodeJS.ReadableStream),
    child.exited,
  ])
  return { isGood: end === 'exit code 0', lines: printed.trim().split('\n') }
}
