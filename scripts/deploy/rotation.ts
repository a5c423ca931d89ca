/**
 * Rotates the key of a deployed relay. The old key is accepted together with the new one until the
 * rotation is finished, or stops working at once if it leaked. A rotation that was interrupted resumes
 * with the same new key.
 */
import { makeKey } from '../lib/data-directory.ts'
import { UserError } from '../lib/user-error.ts'
import { waitForVerdict } from '../lib/verdict.ts'
import { disablePreviewUrls, listSecrets, putSecrets, type Target } from './cloudflare.ts'
import { type Deployment, KEPT_IN, readDeployment } from './deployment.ts'
import { chooseKind, printNextSteps, type RotationOptions } from './rotation-kind.ts'
import { findRunningKey, requireCurrentKey } from './running-key.ts'
import { known, remember, type Setup } from './steps.ts'
import { announce, begin, during, say, showKey } from './terminal.ts'
import { chooseAccount, nameRunning } from './which-relay.ts'

const CONTINUE = `Run "npm run rotate" again to continue. Your answers are saved in ${KEPT_IN}.`

/** Rotates the key of the deployment known in this folder, or of one that it asks for. */
export async function rotateDeployment(options: RotationOptions): Promise<void> {
  const setup: Setup = { takesOver: false, deployment: readDeployment() }
  const end = begin('relay-mcp: key rotation', CONTINUE)

  announce('Cloudflare', 'Checks who is logged in and which relay to rotate.')
  await chooseAccount(setup)
  if (!setup.deployment.url || !setup.deployment.RELAY_API_KEY)
    remember(setup, await nameRunning(known(setup, 'account')))
  const url = known(setup, 'url')
  const target = { account: known(setup, 'account'), worker: known(setup, 'worker') }
  const secrets = await during(`Listing the secrets of the Worker ${target.worker}`, () =>
    listSecrets(target),
  )
  if (!secrets) throw new UserError(`There is no Worker ${target.worker} in this account.`)
  const isInProgress = secrets.includes('RELAY_API_KEY_PREVIOUS')

  const kind = await settleKind(options, isInProgress, setup.deployment)
  if (!setup.deployment.rotation) {
    // After a leak no key is kept, so it does not matter which one is saved here.
    if (kind === 'leaked') await findRunningKey(setup)
    else await requireCurrentKey(setup)
  }
  if (kind === 'finish') {
    await finish(setup, target, isInProgress)
    return end(`The old key is refused. ${url}/ shows how to connect each client.`)
  }
  await rotate(setup, target, kind, isInProgress)
  const key = known(setup, 'RELAY_API_KEY')
  showKey('The new key', key, KEPT_IN)
  printNextSteps(kind, url, key)
  end(
    kind === 'planned'
      ? 'When every client has the new key: npm run rotate -- --finish'
      : `The old key is refused. ${url}/ shows how to connect each client.`,
  )
}

/** Takes the kind from the options or from an interrupted rotation, or asks for it. */
async function settleKind(
  options: RotationOptions,
  isInProgress: boolean,
  { rotation }: Deployment,
) {
  if (rotation && !options.leaked) {
    say('Resuming an interrupted rotation with the same new key.')
    return rotation.kind
  }
  return chooseKind(options, isInProgress)
}

/** Sets a new key, and waits until the relay accepts it and treats the old one as intended. */
async function rotate(
  setup: Setup,
  target: Target,
  kind: 'planned' | 'leaked',
  isInProgress: boolean,
): Promise<void> {
  const url = known(setup, 'url')
  const old = known(setup, 'RELAY_API_KEY')
  // Saved before it is deployed, so that an interruption cannot leave the relay with a lost key.
  const key = setup.deployment.rotation?.key ?? makeKey()
  remember(setup, { rotation: { key, kind } })
  announce(
    'Secrets',
    kind === 'planned'
      ? 'Sets the new key as RELAY_API_KEY and the old one as RELAY_API_KEY_PREVIOUS, in one request.'
      : 'Sets the new key as RELAY_API_KEY and removes any other key, in one request.',
  )
  const secrets: Record<string, string | null> = { RELAY_API_KEY: key }
  if (kind === 'planned') secrets.RELAY_API_KEY_PREVIOUS = old
  else if (isInProgress) secrets.RELAY_API_KEY_PREVIOUS = null
  await during('Setting the secrets', () => putSecrets(target, secrets))
  if (kind === 'leaked') {
    // Earlier versions keep the secrets they were deployed with, including the leaked key.
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

/** Removes the old key. */
async function finish(setup: Setup, target: Target, isInProgress: boolean): Promise<void> {
  if (!isInProgress) {
    throw new UserError('No rotation is in progress: the relay has no RELAY_API_KEY_PREVIOUS.')
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
