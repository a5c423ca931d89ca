/** The Worker: its upload with its secrets, and the address it gets. */
import { UserError } from '../lib/user-error.ts'
import { deploy, secretNames, type Target } from './cloudflare.ts'
import { known, remember, type Setup } from './steps.ts'
import { during, warn } from './terminal.ts'

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
  if (!first) throw new UserError('The Worker was deployed but has no address: see wrangler.toml.')
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
 * Whether the Worker has its key from here already. Then that is kept: it may have been rotated
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
