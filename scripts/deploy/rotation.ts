/**
 * Rotating the key of a deployed relay: a new one is put in place, and the old one is accepted with it
 * until the rotation is finished; or, if it leaked, no longer. Interrupted, it continues with the same
 * new key.
 */
import { makeKey } from '../lib/data-directory.ts'
import { UserError } from '../lib/user-error.ts'
import { waitForVerdict } from '../lib/verdict.ts'
import { disablePreviewUrls, putSecrets, secretNames, type Target } from './cloudflare.ts'
import { type Deployment, KEPT_IN, readDeployment } from './deployment.ts'
import { keyThatRuns } from './keys.ts'
import { chooseKind, printNextSteps, type RotationOptions } from './rotation-kind.ts'
import { known, remember, type Setup } from './steps.ts'
import { announce, begin, during, say, show } from './terminal.ts'
import { chooseAccount, nameRunning } from './which-relay.ts'

const CONTINUE = `Run "npm run rotate" again to continue; what is known is kept in ${KEPT_IN}.`

/** Rotates the key of the deployment that is known in this folder, or of one that is asked for. */
export async function rotateDeployment(options: RotationOptions): Promise<void> {
  const setup: Setup = { takesOver: false, deployment: readDeployment() }
  const end = begin('relay-mcp: key rotation', CONTINUE)

  announce('Cloudflare', 'Checks who is logged in, and which relay this is about.')
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

  const kind = await kindOf(options, isUnderWay, setup.deployment)
  if (kind === 'finish') {
    await finish(setup, target, isUnderWay)
    return end(`The old key is refused. ${url}/ shows how to connect each client.`)
  }
  await rotate(setup, target, kind, isUnderWay)
  say(`The new key, which is kept in ${KEPT_IN}:`)
  show(known(setup, 'RELAY_API_KEY'))
  printNextSteps(kind)
  end(
    kind === 'planned'
      ? 'When every client has the new key: npm run rotate -- --finish'
      : `The old key is refused. ${url}/ shows how to connect each client.`,
  )
}

/** What to do: as the option says, as it was begun, or as the person chooses. */
async function kindOf(options: RotationOptions, isUnderWay: boolean, { rotation }: Deployment) {
  if (rotation && !options.leaked) {
    say('An earlier rotation was interrupted. It continues with the same new key.')
    return rotation.kind
  }
  return chooseKind(options, isUnderWay)
}

/** Puts a new key in place, and waits until the relay treats both keys as it should. */
async function rotate(
  setup: Setup,
  target: Target,
  kind: 'planned' | 'leaked',
  isUnderWay: boolean,
): Promise<void> {
  const url = known(setup, 'url')
  const old = known(setup, 'RELAY_API_KEY')
  // Kept before it is put: if this is interrupted in between, the relay has a key that is known.
  const key = setup.deployment.rotation?.key ?? makeKey()
  remember(setup, { rotation: { key, kind } })
  announce(
    'Secrets',
    kind === 'planned'
      ? 'Sets the new key as RELAY_API_KEY and the old one as RELAY_API_KEY_PREVIOUS, in one request.'
      : 'Sets the new key as RELAY_API_KEY and removes every other one, in one request.',
  )
  const secrets: Record<string, string | null> = { RELAY_API_KEY: key }
  if (kind === 'planned') secrets.RELAY_API_KEY_PREVIOUS = old
  else if (isUnderWay) secrets.RELAY_API_KEY_PREVIOUS = null
  await during('Setting the secrets', () => putSecrets(target, secrets))
  if (kind === 'leaked') {
    // Earlier versions keep the secrets they were deployed with, the leaked key among them.
    await during('Disabling the public URLs of earlier versions', () => disablePreviewUrls(target))
  }
  await during('Checking that the new key is accepted', () => waitForVerdict(url, key, 'accepted'))
  const expected = kind === 'planned' ? 'accepted' : 'refused'
  await during(`Checking that the old key is ${expected}`, () => waitForVerdict(url, old, expected))
  remember(setup, {
    RELAY_API_KEY: key,
    RELAY_API_KEY_PREVIOUS: kind === 'planned' ? old : undefined,
    deployed_at: new Date().toISOString(),
    rotation: undefined,
  })
}

/** Ends the overlap. */
async function finish(setup: Setup, target: Target, isUnderWay: boolean): Promise<void> {
  if (!isUnderWay) {
    throw new UserError('No rotation is under way: the relay has no RELAY_API_KEY_PREVIOUS.')
  }
  const url = known(setup, 'url')
  announce('Secrets', 'Removes RELAY_API_KEY_PREVIOUS.')
  await during('Deleting the secret', () => putSecrets(target, { RELAY_API_KEY_PREVIOUS: null }))
  const { RELAY_API_KEY: key, RELAY_API_KEY_PREVIOUS: old } = setup.deployment
  if (old) {
    await during('Checking that the old key is refused', () => waitForVerdict(url, old, 'refused'))
  }
  if (key) {
    await during('Checking that the new key is accepted', () =>
      waitForVerdict(url, key, 'accepted'),
    )
  }
  remember(setup, { RELAY_API_KEY_PREVIOUS: undefined })
}
