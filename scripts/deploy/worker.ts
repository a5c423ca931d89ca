/** The step of the set-up that uploads the Worker with its secrets and learns its address. */
import { UserError } from '../lib/user-error.ts'
import { deploy, listSecrets, type Target } from './cloudflare.ts'
import { known, remember, type Setup } from './steps.ts'
import { during, warn } from './terminal.ts'

export async function deployWorker(setup: Setup): Promise<void> {
  const { deployment } = setup
  const target = { account: known(setup, 'account'), worker: known(setup, 'worker') }
  const secrets = {
    RELAY_USER_ID: known(setup, 'RELAY_USER_ID'),
    SUPABASE_URL: known(setup, 'SUPABASE_URL'),
    SUPABASE_SERVICE_KEY: known(setup, 'SUPABASE_SERVICE_KEY'),
    ...((await hasKey(setup, target)) ? {} : collectKeys(setup)),
  }
  const { hosts, hasTrigger } = await during(
    `Deploying the Worker ${target.worker}`,
    () => deploy(target, secrets),
    (found) =>
      `Deployed to ${found.hosts.join(' and ')}${found.hasTrigger ? '' : ', without its cron trigger'}`,
  )
  setup.hasTrigger = hasTrigger
  const [first] = hosts
  if (!first)
    throw new UserError('The Worker was deployed but has no address: check wrangler.toml.')
  const before = deployment.url
  const isSame = before && hosts.includes(new URL(before).host)
  const url = isSame ? before : `https://${first}`
  if (before && !isSame) {
    warn(
      `wrangler does not list ${before} among the addresses of this Worker. Unless a domain in the ` +
        `dashboard points it here, change your clients to ${url}.`,
    )
  }
  remember(setup, { url, deployed_at: new Date().toISOString() })
}

/**
 * Whether the Worker already got its key from this folder. That key must not be overwritten: it may
 * have been rotated from another folder since, so that the one saved here is out of date.
 */
async function hasKey({ deployment }: Setup, target: Target): Promise<boolean> {
  if (!deployment.deployed_at) return false
  return (await listSecrets(target))?.includes('RELAY_API_KEY') ?? false
}

function collectKeys(setup: Setup): Record<string, string> {
  const RELAY_API_KEY = known(setup, 'RELAY_API_KEY')
  const { RELAY_API_KEY_PREVIOUS } = setup.deployment
  return RELAY_API_KEY_PREVIOUS ? { RELAY_API_KEY, RELAY_API_KEY_PREVIOUS } : { RELAY_API_KEY }
}

/** Explains a Worker without its cron trigger to a person: the missing part, then the ways out. */
export function explainMissingTrigger(origin: string): [missing: string, ...waysOut: string[]] {
  return [
    'The relay runs without its cron trigger, because Cloudflare did not accept it: what a receiver of events did not take is sent again only with the next call of a tool, and the daily work is not done.',
    'The free plan has five cron triggers per account: remove one of another Worker in the dashboard ' +
      '(Workers & Pages, the Worker, Settings, Trigger Events), then run npm run setup again.',
    'So that Supabase does not pause a free project, anything that calls a tool is enough. From cron on a machine of yours, with ' +
      'the key in RELAY_KEY:',
    `curl -fsS -H "Authorization: Bearer $RELAY_KEY" ${origin}/health`,
  ]
}
