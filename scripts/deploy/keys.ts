/** The steps of the set-up that settle the user id and the key. */
import { randomUUID } from 'node:crypto'
import { MIN_KEY_LENGTH, MIN_SIGNING_KEY_LENGTH } from '../../src/key-rules.ts'
import { isUuid } from '../../src/settings-table.ts'
import { makeKey } from '../lib/data-directory.ts'
import { UserError } from '../lib/user-error.ts'
import { isPreviousKey } from '../lib/verdict.ts'
import { KEPT_IN } from './deployment.ts'
import { projectOf } from './project.ts'
import { findRunningKey } from './running-key.ts'
import { remember, type Setup } from './steps.ts'
import { askStatus, readUserIds } from './supabase.ts'
import { choose, say, warn } from './terminal.ts'

/** A relay is for one person, so a database with more users than this belongs to something else. */
const MAX_USERS = 20

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
  const users = await readUserIds(project, MAX_USERS)
  if (users.length === 0) {
    say('There are no threads yet: creating a new user id.')
    return remember(setup, { RELAY_USER_ID: randomUUID() })
  }
  const choices = await Promise.all(
    users.map(async (id) => {
      const found = await askStatus(project, id)
      const { threads, messages } = found.is === 'ready' ? found : { threads: '?', messages: '?' }
      return { value: id, label: `threads: ${threads}, messages: ${messages}`, hint: id }
    }),
  )
  const [only, ...others] = choices as [(typeof choices)[0], ...typeof choices]
  if (others.length === 0) {
    say(`The database already has threads (${only.label}). This relay will use them.`)
    return remember(setup, { RELAY_USER_ID: only.value })
  }
  const user = await choose(
    'The database has threads of several users. Whose relay is this?',
    choices,
    new UserError(
      `The database has threads of several users: set RELAY_USER_ID to one of ${users.join(', ')}.`,
    ),
  )
  remember(setup, { RELAY_USER_ID: user })
}

/** Keeps the existing key, or generates one. */
async function settleKey(setup: Setup): Promise<void> {
  const key = await findRunningKey(setup)
  if (!key) {
    replaceKey(setup, makeKey())
    return say(`A 256-bit key was generated and saved in ${KEPT_IN}.`)
  }
  if (key.length >= MIN_SIGNING_KEY_LENGTH) return say('The key is kept.')
  const { url, deployed_at } = setup.deployment
  // Replacing it would end the newer key, which is not known here.
  if (url && deployed_at && (await isPreviousKey(url, key))) {
    return say('The relay has a newer key than the one saved here. It is kept.')
  }
  if (key.length < MIN_KEY_LENGTH) {
    warn(
      `The key has fewer than ${MIN_KEY_LENGTH} characters, which this version does not accept, so a new one ` +
        'replaces it. Clients with the old key stop working until you set the new key in them.',
    )
    return replaceKey(setup, makeKey())
  }
  warn(
    `The key has fewer than ${MIN_SIGNING_KEY_LENGTH} characters, so it could be guessed. Until you replace ` +
      'it, OAuth is off and Claude.ai cannot connect.',
  )
  const choice = await choose(
    'What do you want to do with it?',
    [
      {
        value: 'replace',
        label: 'Replace it; the old key is accepted too until you finish the rotation',
      },
      { value: 'keep', label: 'Keep it' },
    ],
    'keep',
  )
  if (choice === 'keep') return
  replaceKey(setup, makeKey(), key)
  say('Clients with the old key keep working until you run "npm run rotate -- --finish".')
}

function replaceKey(setup: Setup, key: string, previous?: string): void {
  const values = { RELAY_API_KEY: key, RELAY_API_KEY_PREVIOUS: previous, deployed_at: undefined }
  remember(setup, values)
}
