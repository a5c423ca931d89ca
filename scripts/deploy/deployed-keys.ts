/** The keys of a deployed relay: secrets of its Worker, and what is saved in this folder. */
import type { KeyStore } from '../lib/key-store.ts'
import { UserError } from '../lib/user-error.ts'
import { disablePreviewUrls, listSecrets, putSecrets } from './cloudflare.ts'
import { KEPT_IN, readDeployment } from './deployment.ts'
import { findRunningKey, requireCurrentKey } from './running-key.ts'
import { known, remember, type Setup } from './steps.ts'
import { announce, during } from './terminal.ts'
import { chooseAccount, nameRunning } from './which-relay.ts'

/** Finds the keys of the deployment known in this folder, or of one that it asks for. */
export async function readDeployedKeys(): Promise<KeyStore> {
  const setup: Setup = { takesOver: false, deployment: readDeployment() }
  announce('Cloudflare', 'Checks who is logged in and which relay to rotate.')
  await chooseAccount(setup)
  const { deployment } = setup
  if (!deployment.url || !deployment.RELAY_API_KEY)
    remember(setup, await nameRunning(known(setup, 'account')))
  const url = known(setup, 'url')
  const target = { account: known(setup, 'account'), worker: known(setup, 'worker') }
  const secrets = await during(`Listing the secrets of the Worker ${target.worker}`, () =>
    listSecrets(target),
  )
  if (!secrets) throw new UserError(`There is no Worker ${target.worker} in this account.`)
  const isInProgress = secrets.includes('RELAY_API_KEY_PREVIOUS')
  const { rotation } = deployment
  return {
    place: KEPT_IN,
    url,
    running: url,
    isInProgress,
    previous: deployment.RELAY_API_KEY_PREVIOUS,
    machineKey: {
      kept: deployment.RELAY_KEY,
      keep: (key) => remember(setup, { RELAY_KEY: key }),
      place: KEPT_IN,
    },
    interrupted: rotation && { ...rotation, old: known(setup, 'RELAY_API_KEY') },
    async settleCurrent(mustBeCurrent) {
      if (mustBeCurrent) await requireCurrentKey(setup)
      else await findRunningKey(setup)
      return known(setup, 'RELAY_API_KEY')
    },
    begin: ({ kind, key }) => remember(setup, { rotation: { kind, key } }),
    async set({ current, previous }) {
      await putSecrets(target, {
        RELAY_API_KEY: current,
        ...((previous || isInProgress) && { RELAY_API_KEY_PREVIOUS: previous ?? null }),
      })
      // Earlier versions keep the secrets they were deployed with, including a key that leaked.
      if (deployment.rotation?.kind === 'leaked') await disablePreviewUrls(target)
    },
    complete: ({ current, previous }) =>
      remember(setup, {
        RELAY_API_KEY: current,
        RELAY_API_KEY_PREVIOUS: previous,
        deployed_at: new Date().toISOString(),
        rotation: undefined,
      }),
  }
}
