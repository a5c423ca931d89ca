/** Whose threads they are, and the key that clients bring. */
import { randomUUID } from 'node:crypto'
import { isSigningKey, MIN_SIGNING_KEY_LENGTH } from '../../src/key-rules.ts'
import { isUuid } from '../../src/settings-table.ts'
import { makeKey } from '../lib/data-directory.ts'
import { UserError } from '../lib/user-error.ts'
import { tryKey } from '../lib/verdict.ts'
import { KEPT_IN } from './deployment.ts'
import { projectOf } from './project.ts'
import { known, remember, type Setup } from './steps.ts'
import { askStatus, readUserIds } from './supabase.ts'
import { ask, choose, say, warn } from './terminal.ts'

/** A relay is for one person; more users than this are no relay's. */
const MAX_USERS = 20

export async function settleUserAndKey(setup: Setup): Promise<void> {
  await settleUser(setup)
  await settleKey(setup)
}

/** The user whose rows there are; a new one where there are none. */
async function settleUser(setup: Setup): Promise<void> {
  if (setup.deployment.RELAY_USER_ID) return say('The user id stays.')
  const given = process.env.RELAY_USER_ID
  if (given && !isUuid(given)) throw new UserError('RELAY_USER_ID: It must be a UUID.')
  if (given) return remember(setup, { RELAY_USER_ID: given })
  const project = projectOf(setup)
  const users = await readUserIds(project, MAX_USERS)
  if (users.length === 0) {
    say('There are no threads yet, so a new user id is created.')
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
    say(`The database already has threads (${only.label}): this relay continues with them.`)
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

/** Keeps the key there is, or makes one. */
async function settleKey(setup: Setup): Promise<void> {
  const key = await keyThatRuns(setup)
  if (!key) {
    replaceKey(setup, makeKey())
    return say(`A key of 256 bits was created and is kept in ${KEPT_IN}.`)
  }
  if (isSigningKey(key)) return say('The key stays.')
  warn(
    `The key has fewer than ${MIN_SIGNING_KEY_LENGTH} characters, which anyone could guess: with it no ` +
      'client can sign in (OAuth), so Claude.ai can’t be connected.',
  )
  const choice = await choose(
    'What do you want to do with it?',
    [
      { value: 'replace', label: 'Replace it; the old key is accepted too, until you finish that' },
      { value: 'keep', label: 'Keep it' },
    ],
    'keep',
  )
  if (choice === 'keep') return
  replaceKey(setup, makeKey(), key)
  say('Clients with the old key keep working until "npm run rotate -- --finish".')
}

function replaceKey(setup: Setup, key: string, previous?: string): void {
  const values = { RELAY_API_KEY: key, RELAY_API_KEY_PREVIOUS: previous, deployed_at: undefined }
  remember(setup, values)
}

/** The key of the relay as it runs: it may have been changed since it was kept here. */
export async function keyThatRuns(setup: Setup): Promise<string | undefined> {
  const { url, deployed_at, RELAY_API_KEY: kept } = setup.deployment
  if (!kept && process.env.RELAY_API_KEY) {
    replaceKey(setup, await ask({ variable: 'RELAY_API_KEY', message: '', faultOf: faultOfKey }))
    return known(setup, 'RELAY_API_KEY')
  }
  if (!kept || !url || !deployed_at) return kept
  if ((await tryKey(url, kept)).is !== 'refused') return kept
  warn(`The key of the relay at ${url} is no longer the one kept in ${KEPT_IN}.`)
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

function faultOfKey(key: string): string | undefined {
  if (/^[\x21-\x7e]+$/.test(key)) return undefined
  return 'It must be visible ASCII characters without spaces, because it travels in a header.'
}
