/**
 * `npm run rotate`: gives the deployed relay a new key. The old one is accepted beside it until the
 * rotation is ended, so that clients can be changed one by one; or, if it leaked, not any longer.
 * Cut short, it goes on with the same new key.
 *
 *   npm run rotate                 a new key, and the old one goes on
 *   npm run rotate -- --leaked     a new key, and the old one ends at once
 *   npm run rotate -- --finish     the old key ends
 *
 * The relay is the one of `npm run setup` in this folder; another one is asked for, or named by
 * RELAY_URL, RELAY_WORKER, RELAY_API_KEY and CLOUDFLARE_ACCOUNT_ID.
 * Exit codes: 0 done, 1 refused in a sentence, 130 stopped by Ctrl-C.
 */
import { parseArgs } from 'node:util'
import { putSecrets, secretNames, type Target } from './deploy/cloudflare.ts'
import { type Deployment, KEPT_IN, makeKey, readDeployment } from './deploy/deployment.ts'
import { keyThatRuns } from './deploy/keys.ts'
import { waitForVerdict } from './deploy/relay.ts'
import { known, remember, type Setup } from './deploy/steps.ts'
import { announce, begin, choose, during, say, show, warn } from './deploy/terminal.ts'
import { chooseAccount, nameRunning } from './deploy/which-relay.ts'
import { UserError } from './lib/user-error.ts'

type Kind = 'planned' | 'leaked' | 'finish'

const GO_ON = `"npm run rotate" goes on from here; what is known is kept in ${KEPT_IN}.`

async function main(): Promise<void> {
  const options = readOptions()
  const setup: Setup = { takesOver: false, deployment: readDeployment() }
  const end = begin('relay-mcp: rotation of the key', GO_ON)

  announce('Cloudflare', 'Finds out who is logged in, and which relay this is about.')
  await chooseAccount(setup)
  const { url: kept, RELAY_API_KEY: key, rotation } = setup.deployment
  if (!kept || !key) await nameRunning(setup)
  else if (!rotation) await keyThatRuns(setup)
  const url = known(setup, 'url')
  const target = { account: known(setup, 'account'), worker: known(setup, 'worker') }
  const secrets = await during(`Reading which secrets the Worker ${target.worker} has`, () =>
    secretNames(target),
  )
  if (!secrets) throw new UserError(`There is no Worker ${target.worker} in this account.`)
  const isUnderWay = secrets.includes('RELAY_API_KEY_PREVIOUS')

  const kind = await chooseKind(options, isUnderWay, setup.deployment)
  if (kind === 'finish') {
    await finish(setup, target, isUnderWay)
    return end(`The old key is refused. ${url}/ shows how a client is connected.`)
  }
  await rotate(setup, target, kind, isUnderWay)
  say(`The new key, which is kept in ${KEPT_IN}:`)
  show(known(setup, 'RELAY_API_KEY'))
  say(kind === 'planned' ? PLACES : `${PLACES}\n\n${AFTER_A_LEAK}`)
  end(
    kind === 'planned'
      ? 'When all of them have it: npm run rotate -- --finish'
      : `The old key is refused. ${url}/ shows how a client is connected.`,
  )
}

const PLACES = `Give it to every client that brings the key:
  Claude Code      claude mcp remove relay, then claude mcp add with the new key; or RELAY_API_KEY
                   in the environment, where .mcp.json takes it from there
  Cursor           .cursor/mcp.json, ~/.cursor/mcp.json
  VS Code          .vscode/mcp.json
  Claude Desktop   AUTH_HEADER in claude_desktop_config.json
  Codex, Gemini    RELAY_API_KEY in the environment, settings.json
  Cowork           the mcp_servers block of each task
  Scripts          RELAY_API_KEY in the environment, .dev.vars, secrets of CI
Clients that signed in (Claude.ai, ChatGPT) hold tokens, which the old key has signed: they end with it,
and those clients are connected once more, unless they have renewed their tokens meanwhile.`

const AFTER_A_LEAK = `Whoever had the old key could read and write everything. Look through the threads for what you did
not post.`

function readOptions(): { leaked: boolean; finish: boolean } {
  const option = { type: 'boolean', default: false } as const
  try {
    const { values } = parseArgs({ options: { leaked: option, finish: option } })
    if (values.leaked && values.finish) throw new Error('--leaked and --finish exclude each other')
    return values
  } catch (error) {
    throw new UserError((error as Error).message)
  }
}

/** What is to be done: as the command says, as it was begun, or as the person chooses. */
async function chooseKind(
  options: { leaked: boolean; finish: boolean },
  isUnderWay: boolean,
  { rotation }: Deployment,
): Promise<Kind> {
  if (options.leaked) return 'leaked'
  if (rotation) {
    say('A rotation was begun and cut short: it goes on, with its key.')
    return rotation.kind
  }
  if (options.finish) return 'finish'
  if (!isUnderWay) {
    return choose(
      'Why is the key changed?',
      [
        {
          value: 'planned',
          label: 'As planned: the old one goes on until all clients are changed',
        },
        // Whoever has it could sign in with it meanwhile, and keep tokens of the new key.
        { value: 'leaked', label: 'It leaked: the old one ends at once' },
      ],
      'planned',
    )
  }
  warn('A rotation is under way: the key before this one is still accepted.')
  return choose(
    'What shall become of it?',
    [
      { value: 'finish', label: 'It ends: all clients have the new key' },
      { value: 'planned', label: 'One more key: the one before ends, and this one goes on' },
      { value: 'leaked', label: 'It leaked: a new key, and both of these end at once' },
    ],
    new UserError('A rotation is under way: end it first, with npm run rotate -- --finish.'),
  )
}

/** Puts a new key in place, and waits until the relay says to both what it should. */
async function rotate(
  setup: Setup,
  target: Target,
  kind: 'planned' | 'leaked',
  isUnderWay: boolean,
): Promise<void> {
  const url = known(setup, 'url')
  const old = known(setup, 'RELAY_API_KEY')
  // Kept before it is put: cut short in between, the relay has a key that is known.
  const key = setup.deployment.rotation?.key ?? makeKey()
  remember(setup, { rotation: { key, kind } })
  announce(
    'Secrets',
    kind === 'planned'
      ? 'Puts the new key as RELAY_API_KEY and the old one as RELAY_API_KEY_PREVIOUS, in one request.'
      : 'Puts the new key as RELAY_API_KEY and takes any other away, in one request.',
  )
  const secrets: Record<string, string | null> = { RELAY_API_KEY: key }
  if (kind === 'planned') secrets.RELAY_API_KEY_PREVIOUS = old
  else if (isUnderWay) secrets.RELAY_API_KEY_PREVIOUS = null
  await during('Putting the secrets', () => putSecrets(target, secrets))
  await during('Seeing that the new key is accepted', () => waitForVerdict(url, key, 'accepted'))
  const expected = kind === 'planned' ? 'accepted' : 'refused'
  await during(`Seeing that the old key is ${expected}`, () => waitForVerdict(url, old, expected))
  remember(setup, {
    RELAY_API_KEY: key,
    RELAY_API_KEY_PREVIOUS: kind === 'planned' ? old : undefined,
    deployed_at: new Date().toISOString(),
    rotation: undefined,
  })
}

/** Ends the overlap. */
async function finish(setup: Setup, target: Target, isUnderWay: boolean): Promise<void> {
  if (!isUnderWay)
    throw new UserError('No rotation is under way: there is no RELAY_API_KEY_PREVIOUS.')
  const url = known(setup, 'url')
  announce('Secrets', 'Takes RELAY_API_KEY_PREVIOUS away.')
  await during('Deleting the secret', () => putSecrets(target, { RELAY_API_KEY_PREVIOUS: null }))
  const { RELAY_API_KEY: key, RELAY_API_KEY_PREVIOUS: old } = setup.deployment
  if (old)
    await during('Seeing that the old key is refused', () => waitForVerdict(url, old, 'refused'))
  if (key)
    await during('Seeing that the new one is accepted', () => waitForVerdict(url, key, 'accepted'))
  remember(setup, { RELAY_API_KEY_PREVIOUS: undefined })
}

await main().catch((error) => {
  console.error(error instanceof UserError ? error.message : error)
  process.exit(1)
})
