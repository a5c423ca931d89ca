/**
 * Rotates the key of a relay, at home or on Cloudflare. The old key is accepted together with the new one
 * until the rotation is finished, or stops working at once if it leaked. A rotation that was interrupted
 * resumes with the same new key.
 */
import { decodeJwt } from 'jose'
import { makeKey } from '../lib/data-directory.ts'
import type { KeyStore } from '../lib/key-store.ts'
import type { Relay } from '../lib/machine-key.ts'
import { type Connection, callManage } from '../lib/manage.ts'
import { UserError } from '../lib/user-error.ts'
import { type Verdict, waitForVerdict } from '../lib/verdict.ts'
import { printNextSteps, showMachineKey } from './next-steps.ts'
import { choose, during, say, showKey, warn } from './terminal.ts'

export interface RotationOptions {
  leaked?: boolean
  finish?: boolean
}

/** Rotates the key, or finishes a rotation; returns the last words to the person. */
export async function rotate(keys: KeyStore, options: RotationOptions): Promise<string> {
  const interrupted = options.leaked ? undefined : keys.interrupted
  if (interrupted) say('Resuming an interrupted rotation with the same new key.')
  const kind = interrupted?.kind ?? (await chooseKind(options, keys.isInProgress))
  // One that leaked is not kept, so it does not matter whether another is the current one.
  const current = keys.interrupted?.old ?? (await keys.settleCurrent(kind !== 'leaked'))
  if (kind === 'finish') {
    if (!keys.isInProgress) {
      throw new UserError('No rotation is in progress: the relay has no RELAY_API_KEY_PREVIOUS.')
    }
    const { previous } = keys
    await during('Removing the old key', () => keys.set({ current }))
    if (previous) await verify(keys, 'old', previous, 'refused')
    await verify(keys, 'new', current, 'accepted')
    keys.complete({ current })
    return DONE
  }
  const key = keys.interrupted?.key ?? makeKey()
  const next = { current: key, previous: kind === 'planned' ? current : undefined }
  // Saved first: after an interruption, another new key would end the old one, which every client has.
  keys.begin({ kind, key, old: current })
  await during('Changing the key', () => keys.set(next))
  await verify(keys, 'new', key, 'accepted')
  await verify(keys, 'old', current, kind === 'planned' ? 'accepted' : 'refused')
  keys.complete(next)
  showKey('The new key', key, keys.place)
  printNextSteps(kind)
  if (keys.running) {
    const relay = { url: new URL(keys.running), key }
    await listKeysToReplace(relay, keys.machineKey.kept)
    await showMachineKey(relay, keys.url, keys.machineKey, true)
  } else {
    say('npm start makes the key for the clients of this machine anew, and prints it.')
  }
  return kind === 'planned' ? 'When every client has the new key: npm run rotate -- --finish' : DONE
}

/**
 * Names the keys for one client: those too are signed with the key that was replaced. Not `own`, which is made
 * anew without the person.
 */
async function listKeysToReplace(relay: Relay, own: string | undefined): Promise<void> {
  try {
    const answer = await callManage<{ connections: Connection[] }>(relay, 'list_connections', {})
    const ownGid = own && decodeJwt(own).gid
    const replaced = answer.connections.filter(
      ({ kind, revoked_at, gid }) => kind === 'key' && revoked_at === undefined && gid !== ownGid,
    )
    if (replaced.length === 0) return
    const lines = replaced.map(({ gid, name }) => `  ${gid}  ${name}`)
    say(
      `These keys for one client end with the old key. Make each anew with npm run key, then cut it off:\n${lines.join('\n')}`,
    )
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    warn(`The keys for one client, which end with the old key, cannot be listed: ${error.message}`)
  }
}

const DONE = 'The old key is refused.'

/** Waits until the relay, if it is running, treats a key as expected. */
async function verify(
  { running }: KeyStore,
  name: string,
  key: string,
  expected: Verdict['is'],
): Promise<void> {
  if (!running) return
  await during(`Checking that the ${name} key is ${expected}`, () =>
    waitForVerdict(running, key, expected),
  )
}

/** Takes the kind from the options, or asks for it. */
async function chooseKind(
  options: RotationOptions,
  isInProgress: boolean,
): Promise<'planned' | 'leaked' | 'finish'> {
  if (options.leaked) return 'leaked'
  if (options.finish) return 'finish'
  if (!isInProgress) {
    return choose(
      'Why are you changing the key?',
      [
        {
          value: 'planned',
          label: 'Planned: the old key keeps working until every client has the new one',
        },
        // Otherwise a thief could sign in with it meanwhile and keep tokens signed with the new key.
        { value: 'leaked', label: 'It leaked: the old key stops working now' },
      ],
      'planned',
    )
  }
  warn('A rotation is in progress: the previous key is still accepted.')
  return choose(
    'What do you want to do with it?',
    [
      { value: 'finish', label: 'Finish it: every client has the new key' },
      {
        value: 'planned',
        label: 'Another new key: the previous one stops working, the current one keeps working',
      },
      { value: 'leaked', label: 'It leaked: a new key; both old keys stop working now' },
    ],
    new UserError('A rotation is in progress: finish it first with npm run rotate -- --finish.'),
  )
}
