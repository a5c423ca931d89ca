/** Which account at Cloudflare, and which relay: a new one, the one of this folder, or another that runs. */
import { UserError } from '../lib/user-error.ts'
import { tryKey } from '../lib/verdict.ts'
import { readLogin, secretNames } from './cloudflare.ts'
import { KEPT_IN, putAside } from './deployment.ts'
import { originOf } from './relay.ts'
import { known, remember, type Setup } from './steps.ts'
import { ask, type Choice, choose, during, say, warn } from './terminal.ts'

/** The name of wrangler.toml, which 0.1.0 had too. */
const WORKER = 'relay-mcp'

/** At Cloudflare's rules for names that are part of a host name. */
const NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/

/** Who is logged in at Cloudflare, and which of their accounts to use. */
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
  const kept = accounts.find(({ id }) => id === setup.deployment.account)
  const given = kept?.id ?? process.env.CLOUDFLARE_ACCOUNT_ID
  if (given) return remember(setup, { account: given })
  const [only, ...others] = accounts
  if (!only) {
    throw new UserError('Your Cloudflare login shows no account: set CLOUDFLARE_ACCOUNT_ID.')
  }
  if (others.length === 0) return remember(setup, { account: only.id })
  const account = await choose(
    'Which of your Cloudflare accounts?',
    accounts.map(({ id, name }) => ({ value: id, label: name, hint: id })),
    new UserError('Your Cloudflare login has several accounts: set CLOUDFLARE_ACCOUNT_ID.'),
  )
  remember(setup, { account })
}

/** Asks what this set-up is of, and settles the Worker's name. */
export async function chooseRelay(setup: Setup): Promise<void> {
  const { worker, url } = setup.deployment
  const kind = await chooseKind(setup)
  if (kind === 'same') return say(`Continuing with ${url ?? `the Worker ${worker}`}.`)
  if (worker !== undefined) {
    const { account } = setup.deployment
    putAside()
    say(`What was kept in ${KEPT_IN} is now in setup.previous.json.`)
    setup.deployment = {}
    remember(setup, account ? { account } : {})
  }
  setup.takesOver = kind === 'other'
  if (kind === 'new') await nameNew(setup)
  else await nameRunning(setup, 'a new key replaces it')
}

type Kind = 'same' | 'new' | 'other'

async function chooseKind({ takesOver, deployment }: Setup): Promise<Kind> {
  const { worker, url } = deployment
  if (takesOver) return 'other'
  const choices: Choice<Kind>[] = [
    { value: 'new', label: 'A new one' },
    { value: 'other', label: 'An existing one: relay-mcp 0.1.0, or one that was set up elsewhere' },
  ]
  if (!worker) return choose('Which relay is this?', choices, 'new')
  const label = url ? `The one at ${url}` : `The Worker ${worker}, begun here earlier`
  choices.unshift({ value: 'same', label, hint: `kept in ${KEPT_IN}` })
  return choose('Which relay is this?', choices, 'same')
}

async function nameNew(setup: Setup): Promise<void> {
  const account = known(setup, 'account')
  const worker = await ask({
    variable: 'RELAY_WORKER',
    message: 'Name of the Worker, the first part of its address',
    byDefault: WORKER,
    faultOf: faultOfName,
    faultOnTrial: async (name) => ((await exists(account, name)) ? taken(name) : undefined),
  })
  remember(setup, { worker })
}

const taken = (name: string) =>
  `There is a Worker ${name} in this account. If it is a relay, take it over: npm run setup -- --take-over.`

function exists(account: string, worker: string): Promise<boolean> {
  return during(
    `Asking Cloudflare for a Worker ${worker}`,
    async () => (await secretNames({ account, worker })) !== undefined,
    (found) => (found ? `There is a Worker ${worker}` : `There is no Worker ${worker} yet`),
  )
}

/**
 * Asks for the address, the Worker's name and the key of a relay that runs. `withoutKey` says what
 * happens without the last; where it is left out, the key must be there.
 */
export async function nameRunning(setup: Setup, withoutKey?: string): Promise<void> {
  const account = known(setup, 'account')
  const address = await ask({
    variable: 'RELAY_URL',
    message: 'Its address, as your clients know it',
    faultOf: (answer) => (originOf(answer) ? undefined : 'It must start with https://.'),
  })
  const url = originOf(address) as string
  const [first = ''] = new URL(url).hostname.split('.')
  const guess = /\.workers\.dev$/.test(url) && NAME.test(first) ? first : WORKER
  const worker = await ask({
    variable: 'RELAY_WORKER',
    message: 'Name of its Worker',
    byDefault: guess,
    faultOf: faultOfName,
    faultOnTrial: async (name) => ((await exists(account, name)) ? undefined : absent(name)),
  })
  const key = await ask({
    variable: 'RELAY_API_KEY',
    message: 'Its key, RELAY_API_KEY',
    isSecret: true,
    ...(withoutKey ? { ifEmpty: withoutKey } : {}),
    faultOnTrial: (answer) => faultOfRunningKey(url, answer),
  })
  remember(setup, { url, worker, ...(key ? { RELAY_API_KEY: key } : {}) })
}

const absent = (name: string) => `There is no Worker ${name} in this account.`

async function faultOfRunningKey(url: string, key: string): Promise<string | undefined> {
  const verdict = await tryKey(url, key)
  if (verdict.is === 'accepted') return undefined
  if (verdict.is === 'refused') return `The relay at ${url} refuses this key.`
  warn(`The key can't be tried: ${url} does not answer as a relay does (${verdict.seen}).`)
  return undefined
}

function faultOfName(name: string): string | undefined {
  if (NAME.test(name)) return undefined
  return 'A name has up to 63 lower-case letters, digits and dashes, and does not begin or end with a dash.'
}
