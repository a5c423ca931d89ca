/** Whether the Worker's settings are there and well-formed, and whether the key held here is its key. */
import { SETTINGS, type SettingName } from '../../src/settings-table.ts'
import { type Check, failed, ok, warning } from './check.ts'
import { dashboard, RESTART, setSetting } from './fixes.ts'
import { diagnosisOf } from './subject.ts'

/** Why each matters. What it is and where its value comes from is said in the Worker's own table. */
const WHY: Record<SettingName, string> = {
  RELAY_API_KEY: 'It lets clients in and is compared character by character.',
  RELAY_USER_ID: 'Threads belong to it.',
  SUPABASE_URL: 'It is where the threads are.',
  SUPABASE_SERVICE_KEY: 'With the publishable (anon) key the database refuses every tool call.',
  RELAY_API_KEY_PREVIOUS: 'Clients with the old key are not let in while you rotate it.',
  RELAY_PUBLIC_URL: 'Tokens are issued and accepted under this address only.',
  RELAY_ALLOWED_ORIGINS: 'Web pages of other origins are refused without it.',
}

/** Where in the Supabase dashboard a value is. */
const SOURCES: Partial<Record<SettingName, string>> = {
  SUPABASE_URL: `The project URL: ${dashboard(undefined, 'settings/api')}`,
  SUPABASE_SERVICE_KEY: `The secret key: ${dashboard(undefined, 'settings/api-keys')}`,
}

const sourceOf = (name: SettingName, about: string) =>
  SOURCES[name] ?? about.replaceAll(/[`_]/g, '')

const required = SETTINGS.filter(({ isRequired }) => isRequired)
const optional = SETTINGS.filter(({ isRequired }) => !isRequired)

/** While one of these fails, the relay serves no client. */
export const SETTING_IDS = required.map(({ name }) => `settings.${name}`)

export const settingChecks: Check[] = required.map(({ name, about }) => ({
  id: `settings.${name}`,
  needs: ['version'],
  writes: false,
  why: `${WHY[name]} Until this is fixed the relay serves no client.`,
  async look(subject) {
    const problems: string[] = (await subject.health()).body.problems ?? []
    const problem = problems.find((sentence) => sentence.startsWith(`${name} `))
    return problem === undefined
      ? ok('well-formed')
      : failed(problem, setSetting(subject, name), sourceOf(name, about))
  },
}))

/** A bad optional setting is left out by the relay, which tells the holder of the key so. */
export const optionalSettingChecks: Check[] = optional.map(({ name, about }) => ({
  id: `settings.${name}`,
  needs: ['key'],
  writes: false,
  why: WHY[name],
  async look(subject) {
    const { warnings = [] } = await diagnosisOf(subject)
    const problem = warnings.find((sentence) => sentence.startsWith(`${name} `))
    return problem === undefined
      ? ok('well-formed, or not set')
      : warning(problem, setSetting(subject, name), sourceOf(name, about))
  },
}))

const keyShape: Check = {
  id: 'key.shape',
  needs: [],
  writes: false,
  why: 'Clients send it as it is, and get a 401. What is below was asked with the bare key.',
  async look({ given, key }) {
    if (given === key) return ok('nothing around it')
    const seen = /^\s|\s$/.test(given)
      ? 'white space around it'
      : /^Bearer\s/i.test(given)
        ? '"Bearer" before it'
        : /^(["'`]).*\1$/.test(given)
          ? 'quotes around it'
          : 'characters in it that no header can carry'
    return failed(
      `RELAY_API_KEY has ${seen}, here where the doctor runs.`,
      "export RELAY_API_KEY='…', with only the key.",
      'The clients may have it from the same place: look there too.',
    )
  },
}

const key: Check = {
  id: 'key',
  needs: SETTING_IDS,
  writes: false,
  why: 'Clients with this key get a 401.',
  async look(subject) {
    const { status, body } = await subject.diagnosis()
    if (body?.database) return ok('accepted')
    if (status === 429) {
      return failed('Too many wrong keys came from this address.', 'npm run doctor, in a minute.')
    }
    if (status === 403) {
      return failed('This is a token for reading only.', "export RELAY_API_KEY='…', with the key.")
    }
    if (status !== 401) return failed(`/health with the key is ${status}.`, 'npm run doctor')
    const seen = 'The relay does not know the key that is held here (401).'
    if (subject.isLocal) {
      // Started again in this environment, npm start would take the wrong key for its own.
      const { RELAY_API_KEY: given } = process.env
      const fix = given ? "export RELAY_API_KEY='…', with the right one." : RESTART
      return failed(seen, fix, 'npm start prints the RELAY_API_KEY that it takes.')
    }
    return failed(
      seen,
      "export RELAY_API_KEY='…', with the key of the relay.",
      'If that is lost: npx wrangler secret put RELAY_API_KEY, with a new one. Nobody can read it back.',
    )
  },
}

export const keyChecks = [keyShape, key]
