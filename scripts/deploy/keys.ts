/** The steps of the set-up that settle the user id and the key. */
import { randomUUID } from 'node:crypto'
import { MIN_KEY_LENGTH } from '../../src/key-rules.ts'
import { isUuid } from '../../src/settings-table.ts'
import { makeKey } from '../lib/data-directory.ts'
import { UserError } from '../lib/user-error.ts'
import { isPreviousKey } from '../lib/verdict.ts'
import { KEPT_IN } from './deployment.ts'
import { projectOf } from './project.ts'
import { findRunningKey } from './running-key.ts'
import { remember, type Setup } from './steps.ts'
import { askStatus, findUserId } from './supabase.ts'
import { choose, say, warn } from './terminal.ts'

export async function settleUserAndKey(setup: Setup): Promise<void> {
  await settleUser(setup)
  await settleKey(setup)
}

/** Takes over the user whose threads are in the database, or creates a user id. */
async function settleUser(setup: Setup): Promise<void> {
  if (setup.deployment.RELAY_USER_ID) return say('The user id is kept.')
  const given = process.env.RELAY_USER_ID
  if (given && !isUuid(given)) throw new UserError('RELAY_USER_ID must be a UUID.')
  if (given) return remember(setup, { RELAY_USER_ID: given })
  const project = projectOf(setup)
  const user = await findUserId(project)
  if (!user) {
    say('There are no threads yet: creating a new user id.')
    return remember(setup, { RELAY_USER_ID: randomUUID() })
  }
  const found = await askStatus(project, user)
  if (found.is !== 'ready') throw new UserError(found.sentence)
  if (found.others > 0) {
    throw new UserError(
      'The database has threads of several users: set RELAY_USER_ID to one of them. This SQL lists them: ' +
        'select user_id, count(*) from public.relay_threads group by user_id',
    )
  }
  say(`The database already has ${found.threads} threads. This relay will use them.`)
  remember(setup, { RELAY_USER_ID: user })
}

/** Keeps the existing key, or generates one. */
async function settleKey(setup: Setup): Promise<void> {
  const key = await findRunningKey(setup)
  if (!key) {
    replaceKey(setup, makeKey())
    return say(`A 256-bit key was generated and saved in ${KEPT_IN}.`)
  }
  if (key.length >= MIN_KEY_LENGTH) return say('The key is kept.')
  const { url, deployed_at } = setup.deployment
  // Replacing it would end the newer key, which is not known here.
  if (url && deployed_at && (await isPreviousKey(url, key))) {
    return say('The relay has a newer key than the one saved here. It is kept.')
  }
  warn(
    `The key has fewer than ${MIN_KEY_LENGTH} characters. This version rejects every request until it has ` +
      'a longer one, because a short key can be guessed.',
  )
  const choice = await choose(
    'Replace it now?',
    [
      {
        value: 'replace',
        label: 'Yes: every client needs the new key, and the last step lists them',
      },
      { value: 'stop', label: 'No: stop here, before anything is deployed' },
    ],
    'replace',
  )
  if (choice === 'stop') {
    throw new UserError('The relay was not deployed: its key is too short for this version.')
  }
  replaceKey(setup, makeKey())
  setup.hasNewKey = true
}

function replaceKey(setup: Setup, key: string): void {
  const values = { RELAY_API_KEY_PREVIOUS: undefined, deployed_at: undefined }
  remember(setup, { RELAY_API_KEY: key, ...values })
}
