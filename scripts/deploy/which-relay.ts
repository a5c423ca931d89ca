/** The steps that choose the Cloudflare account and the relay: a new, a known or another running one. */
import { UserError } from '../lib/user-error.ts'
import { tryKey } from '../lib/verdict.ts'
import { type Account, listSecrets, readLogin } from './cloudflare.ts'
import { type Deployment, KEPT_IN, setAside } from './deployment.ts'
import { askKey, faultOfPreviousKey } from './running-key.ts'
import { known, remember, type Setup } from './steps.ts'
import { ask, type Choice, choose, during, say, warn } from './terminal.ts'

/** Returns the origin of an address that a person enters; undefined if it is not an http(s) URL. */
function parseOrigin(address: string): string | undefined {
  const url = URL.parse(address)
  return url && /^https?:$/.test(url.protocol) ? url.origin : undefined
}

/** The name in wrangler.toml, which 0.1.0 also had. */
const WORKER = 'relay-mcp'

/** Cloudflare's rule for names that become part of a host name. */
const NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/

/** Reads who is logged in to Cloudflare, and chooses one of their accounts. */
export async function chooseAccount(setup: Setup): Promise<void> {
  const login = await during('Asking wrangler who is logged in', readLogin, (found) =>
    found ? `Logged in to Cloudflare${found.email ? ` as ${found.email}` : ''}` : 'Not logged in',
  )
  if (!login) {
    throw new UserError(
      'You are not logged in to Cloudflare: run "npx wrangler login", or set CLOUDFLARE_API_TOKEN.',
    )
  }
  const { accounts } = login
  const { account: saved, worker } = setup.deployment
  if (saved && worker) return requireAccount(saved, worker, accounts)
  const kept = accounts.find(({ id }) => id === saved)
  const given = kept?.id ?? process.env.CLOUDFLARE_ACCOUNT_ID
  if (given) return remember(setup, { account: given })
  const [only, ...others] = accounts
  if (!only) {
    throw new UserError(
      'Your Cloudflare login cannot list its accounts: set CLOUDFLARE_ACCOUNT_ID.',
    )
  }
  if (others.length === 0) return remember(setup, { account: only.id })
  const account = await choose(
    'Which of your Cloudflare accounts?',
    accounts.map(({ id, name }) => ({ value: id, label: name, hint: id })),
    new UserError('Your Cloudflare login has several accounts: set CLOUDFLARE_ACCOUNT_ID.'),
  )
  remember(setup, { account })
}

/**
 * The Worker is in the saved account: in any other it would seem to be deleted, or be deployed a second
 * time. Some tokens cannot list accounts; Cloudflare then refuses requests beyond their rights.
 */
function requireAccount(saved: string, worker: string, accounts: Account[]): void {
  if (accounts.length === 0 || accounts.some(({ id }) => id === saved)) return
  const listed = accounts.map(({ id, name }) => `${name} (${id})`).join(', ')
  throw new UserError(
    `The Worker ${worker} saved in ${KEPT_IN} is in the Cloudflare account ${saved}, but this login has only ` +
      `${listed}. Log in to that account with "npx wrangler login", or set its CLOUDFLARE_API_TOKEN. ` +
      `To set up another relay instead, rename ${KEPT_IN} first.`,
  )
}

/** Asks which relay to set up, and settles the name of its Worker. */
export async function chooseRelay(setup: Setup): Promise<void> {
  const { worker, url } = setup.deployment
  const kind = await chooseKind(setup)
  if (kind === 'same') return say(`Using ${url ?? `the Worker ${worker}`}.`)
  const account = known(setup, 'account')
  const answers =
    kind === 'new'
      ? await nameNew(account)
      : await nameRunning(account, 'replace it with a new key')
  // Only now, so that an interruption before leaves the known relay in place.
  if (worker !== undefined) {
    say(`${KEPT_IN} was renamed to ${setAside()}.`)
    setup.deployment = {}
  }
  remember(setup, { account, ...answers })
}

type Kind = 'same' | 'new' | 'other'

async function chooseKind({ takesOver, deployment }: Setup): Promise<Kind> {
  const { worker, url } = deployment
  if (takesOver) {
    const given = parseOrigin(process.env.RELAY_URL ?? '')
    if (!url || (given && given !== url)) return 'other'
    // The same command again, after an interruption.
    if (given) return 'same'
  }
  const choices: Choice<Kind>[] = [
    { value: 'new', label: 'A new one' },
    {
      value: 'other',
      label: 'An existing one: relay-mcp 0.1.0, or a relay that was set up elsewhere',
    },
  ]
  if (!worker) return choose('Which relay is this?', choices, 'new')
  const label = url ? `The one at ${url}` : `The Worker ${worker}, started here earlier`
  choices.unshift({ value: 'same', label, hint: `saved in ${KEPT_IN}` })
  return choose('Which relay is this?', choices, 'same')
}

async function nameNew(account: string): Promise<Deployment> {
  const worker = await ask({
    variable: 'RELAY_WORKER',
    message: 'Name of the Worker, the first part of its address',
    byDefault: WORKER,
    faultOf: faultOfName,
    faultOnTrial: async (name) =>
      (await exists(account, name))
        ? `This account already has a Worker ${name}. If it is a relay, take it over: npm run setup -- --take-over`
        : undefined,
  })
  return { worker }
}

function exists(account: string, worker: string): Promise<boolean> {
  return during(
    `Looking for a Worker ${worker}`,
    async () => (await listSecrets({ account, worker })) !== undefined,
    (found) => (found ? `The Worker ${worker} exists` : `There is no Worker ${worker} yet`),
  )
}

/**
 * Asks for the address, the Worker's name and the key of a running relay. `withoutKey` describes what
 * happens if the key is left empty; without it, the key is required.
 */
export async function nameRunning(account: string, withoutKey?: string): Promise<Deployment> {
  const address = await ask({
    variable: 'RELAY_URL',
    message: 'Its address, as set in your clients',
    faultOf: (answer) => (parseOrigin(answer) ? undefined : 'It must start with https://.'),
  })
  const url = parseOrigin(address) as string
  const [first = ''] = new URL(url).hostname.split('.')
  const guess = /\.workers\.dev$/.test(url) && NAME.test(first) ? first : WORKER
  const worker = await ask({
    variable: 'RELAY_WORKER',
    message: 'Name of its Worker',
    byDefault: guess,
    faultOf: faultOfName,
    faultOnTrial: async (name) =>
      (await exists(account, name)) ? undefined : `There is no Worker ${name} in this account.`,
  })
  const key = await askKey((answer) => faultOfRunningKey(url, answer), withoutKey)
  return { url, worker, ...(key ? { RELAY_API_KEY: key } : {}) }
}

async function faultOfRunningKey(url: string, key: string): Promise<string | undefined> {
  const verdict = await tryKey(url, key)
  if (verdict.is === 'accepted') return faultOfPreviousKey(url, key)
  if (verdict.is === 'refused') return `The relay at ${url} refuses this key.`
  warn(`The key cannot be tested: ${url} does not answer like a relay (${verdict.seen}).`)
  return undefined
}

function faultOfName(name: string): string | undefined {
  if (NAME.test(name)) return undefined
  return 'A name has up to 63 lower-case letters, digits and dashes, and does not start or end with a dash.'
}
