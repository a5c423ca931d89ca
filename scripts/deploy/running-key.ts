/** Asks for the key of a running relay, and finds out whether it is the one that relay uses now. */
import { cleanKey, isClientKey } from '../../src/key-rules.ts'
import { CLIENT_KEY_SENTENCE } from '../../src/settings-table.ts'
import { checkHeaderValue } from '../lib/settings.ts'
import { UserError } from '../lib/user-error.ts'
import { isPreviousKey, tryKey } from '../lib/verdict.ts'
import { KEPT_IN } from './deployment.ts'
import { known, remember, type Setup } from './steps.ts'
import { ask, warn } from './terminal.ts'

/** Asks for the key; `ifEmpty` describes the effect of an empty answer; without it, a key is required. */
export async function askKey(
  faultOnTrial: (key: string) => Promise<string | undefined>,
  ifEmpty?: string,
): Promise<string> {
  const answer = await ask({
    variable: 'RELAY_API_KEY',
    message: 'Its key, RELAY_API_KEY',
    isSecret: true,
    ...(ifEmpty !== undefined && { ifEmpty }),
    faultOf: checkKey,
    faultOnTrial: (given) => faultOnTrial(cleanKey(given)),
  })
  return cleanKey(answer)
}

/** Returns the fault of a key as it was pasted. One that no header can carry cannot be tested. */
function checkKey(given: string): string | undefined {
  const key = cleanKey(given)
  const problem = isClientKey(key) ? CLIENT_KEY_SENTENCE : checkHeaderValue(key)
  return problem && `It ${problem}.`
}

/** Finds the key that the running relay accepts, which may have changed since it was saved here. */
export async function findRunningKey(setup: Setup): Promise<string | undefined> {
  const { url, deployed_at, RELAY_API_KEY: kept } = setup.deployment
  if (!kept && process.env.RELAY_API_KEY) {
    const key = await askKey(async () => undefined)
    remember(setup, {
      RELAY_API_KEY: key,
      RELAY_API_KEY_PREVIOUS: undefined,
      deployed_at: undefined,
    })
    return key
  }
  if (!kept || !url || !deployed_at) return kept
  if ((await tryKey(url, kept)).is !== 'refused') return kept
  warn(`The relay at ${url} no longer accepts the key saved in ${KEPT_IN}.`)
  const key = await askKey(async (answer) =>
    (await tryKey(url, answer)).is === 'refused' ? 'The relay refuses this key.' : undefined,
  )
  remember(setup, { RELAY_API_KEY: key, RELAY_API_KEY_PREVIOUS: undefined })
  return key
}

/**
 * Makes sure that the saved key is the one the relay uses now. A rotation keeps it as the previous key: with
 * any other key there, the current one, which clients have, would stop working.
 */
export async function requireCurrentKey(setup: Setup): Promise<void> {
  const url = known(setup, 'url')
  const fault = await faultOfCurrentKey(url, known(setup, 'RELAY_API_KEY'))
  if (fault === undefined) return
  warn(`The key saved in ${KEPT_IN} is not the current one. ${fault}`)
  const key = await askKey((answer) => faultOfCurrentKey(url, answer))
  remember(setup, { RELAY_API_KEY: key, RELAY_API_KEY_PREVIOUS: undefined })
}

async function faultOfCurrentKey(url: string, key: string): Promise<string | undefined> {
  const verdict = await tryKey(url, key)
  if (verdict.is === 'refused') return `The relay at ${url} refuses this key.`
  if (verdict.is === 'other') {
    throw new UserError(
      `The key cannot be tested, because ${url} does not answer like a relay (${verdict.seen}).`,
    )
  }
  return faultOfPreviousKey(url, key)
}

/** Refuses a key that the relay accepts only until its rotation is finished. */
export async function faultOfPreviousKey(url: string, key: string): Promise<string | undefined> {
  if (!(await isPreviousKey(url, key))) return undefined
  return `This is the previous key of the relay at ${url}. A rotation has set a new one.`
}
