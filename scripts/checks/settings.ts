/** Checks whether the Worker's settings are complete and valid, and whether the key held here is its key. */
import { ABOUT } from '../../src/settings-about.ts'
import { SETTINGS, type Setting } from '../../src/settings-table.ts'
import { OPTIONAL_SETTINGS } from '../lib/optional-settings.ts'
import { type Check, failed, ok, unknown, warning } from './check.ts'
import { RESTART, setSetting, thenDeploy } from './fixes.ts'
import type { Subject } from './subject.ts'

const BROKEN = 'Until this is fixed, the relay rejects every request.'
const IGNORED = 'The relay ignores this setting, or the bad part of it, until it is fixed.'

/** Asks for the key, which then is in no history. */
const ENTER_KEY = 'read -r RELAY_API_KEY && export RELAY_API_KEY'

const settings: readonly Setting[] = SETTINGS

/** While one of these fails, the relay rejects every request. */
export const SETTING_IDS = settings
  .filter(({ isRequired }) => isRequired)
  .map(({ name }) => `settings.${name}`)

export const settingChecks: Check[] = settings.map(({ name, isRequired }) => ({
  id: `settings.${name}`,
  needs: ['version'],
  why: isRequired ? BROKEN : IGNORED,
  async look(subject) {
    const sentences = await (isRequired ? readProblems(subject) : readWarnings(subject))
    if (!sentences) return unknown('Not checked: it needs key.')
    const own = sentences.filter((sentence) => sentence.startsWith(`${name} `))
    if (own.length === 0) return ok('valid')
    const text = ABOUT[name] ?? OPTIONAL_SETTINGS[name as keyof typeof OPTIONAL_SETTINGS]
    const fix: [string, string] = [setSetting(subject, name), text.replaceAll(/[`_]/g, '')]
    return isRequired ? failed(own.join(' '), ...fix) : warning(own.join(' '), ...fix)
  },
}))

/** The faults of required settings, which the relay tells anyone. */
async function readProblems(subject: Subject): Promise<string[]> {
  return (await subject.health()).body.problems ?? []
}

/** The faults of optional settings; a relay that works tells them only with the key. */
async function readWarnings(subject: Subject): Promise<string[] | undefined> {
  const { problems, warnings = [] } = (await subject.health()).body
  return problems ? warnings : (await subject.diagnosis()).body?.warnings
}

const keyShape: Check = {
  id: 'key.shape',
  why: 'Clients that send the key like this get a 401. The other checks used the key without it.',
  async look({ given, key }) {
    if (given === key) return ok('nothing around it')
    const seen = /^\s|\s$/.test(given)
      ? 'white space around it'
      : /^Bearer\s/i.test(given)
        ? '"Bearer" before it'
        : /^(["'`]).*\1$/.test(given)
          ? 'quotes around it'
          : 'text or characters that do not belong to a key'
    return failed(
      `RELAY_API_KEY, as set for the doctor, has ${seen}.`,
      `Set only the key: ${ENTER_KEY}`,
      'If your clients read it from the same place, correct it there too.',
    )
  },
}

const key: Check = {
  id: 'key',
  needs: SETTING_IDS,
  why: 'Clients with this key get a 401.',
  async look(subject) {
    const { status, body } = await subject.diagnosis()
    if (body?.database) return ok('accepted')
    if (status === 429) {
      const fix = 'Run npm run doctor again in a minute.'
      return failed('Too many wrong keys came from this address.', fix)
    }
    if (status === 403) {
      return failed('This is a read-only token.', `Set the key: ${ENTER_KEY}`)
    }
    if (status !== 401) return failed(`/health with the key returns ${status}.`, 'npm run doctor')
    const { home, origin } = subject
    if (home && !home.isRunning) {
      const seen = `The relay of ${home.dataDirectory} is not running, and another one answers at ${origin}.`
      return failed(seen, 'npm start -- --port 0', 'Or set RELAY_DATA to the folder of the other.')
    }
    const seen = 'The relay does not accept the key that is set here (401).'
    if (subject.isLocal) {
      // If npm start were restarted in this environment, it would adopt the wrong key.
      const { RELAY_API_KEY: given } = process.env
      const fix = given ? `Set the right key: ${ENTER_KEY}` : RESTART
      return failed(seen, fix, 'npm start prints its RELAY_API_KEY, or where it is kept.')
    }
    return failed(
      seen,
      `Set the key of the relay: ${ENTER_KEY}`,
      `If it is lost, set a new one with ${setSetting(subject, 'RELAY_API_KEY')}. It cannot be read back.`,
    )
  },
}

/** The files of the deployment, in addition to the endpoint. */
export const boardCheck: Check = {
  id: 'board',
  needs: ['version'],
  why: 'Without its files the board cannot be opened.',
  async look(subject) {
    const { status, headers } = await subject.relay.fetch('/board/')
    const isPage = headers.get('content-type')?.startsWith('text/html')
    if (status === 200 && isPage) return ok('served at /board/')
    // A relay that has another address sends its visitors there.
    if (status === 302) return ok(`served at ${headers.get('location')}`)
    return failed(
      `GET /board/ returns ${status}.`,
      `Keep [build] and [assets] in wrangler.toml, ${thenDeploy(subject)}`,
    )
  },
}

export const keyChecks = [keyShape, key]
