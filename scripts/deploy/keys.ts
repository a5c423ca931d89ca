/** The steps of the set-up that settle the user id and the key. */
import { randomUUID } from 'node:crypto'
import { MIN_SIGNING_KEY_LENGTH } from '../../src/key-rules.ts'
import { isUuid } from '../../src/settings-table.ts'
import { makeKey } from '../lib/data-directory.ts'
import { checkHeaderValue } from '../lib/settings.ts'
import { UserError } from '../lib/user-error.ts'
import { tryKey } from '../lib/verdict.ts'
import { KEPT_IN } from './deployment.ts'
import { projectOf } from './project.ts'
import { known, remember, type Setup } from './steps.ts'
import { askStatus, readUserIds } from './supabase.ts'
import { ask, choose, say, warn } from './terminal.ts'

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

/** Finds the key that the running relay accepts, which may have changed since it was saved here. */
export async function findRunningKey(setup: Setup): Promise<string | undefined> {
  const { url, deployed_at, RELAY_API_KEY: kept } = setup.deployment
  if (!kept && process.env.RELAY_API_KEY) {
    replaceKey(setup, await ask({ variable: 'RELAY_API_KEY', message: '', faultOf: checkKey }))
    return known(setup, 'RELAY_API_KEY')
  }
  if (!kept || !url || !deployed_at) return kept
  if ((await tryKey(url, kept)).is !== 'refused') return kept
  warn(`The relay at ${url} no longer accepts the key saved in ${KEPT_IN}.`)
  const key = await ask({
    variable: 'RELAY_API_KEY',
    message: 'Its key, RELAY_API_KEY',
    isSecret: true,
    faultOnTrial: async (answer) =>
      (await tryKey(url, answer)).is === 'refused' ? 'The relay refuses this key.' : undefined,
  })
  remember(setup, { RELAY_API_KEY: key, RELAY_API_KEY_PREVIOUS: undefined })
  return key
}

function checkKey(key: string): string | undefined {
  const problem = checkHeaderValue(key)
  return problem && `It ${problem}.`
}
