/** Whether the Worker's settings are there and well-formed, and whether the key held here is its key. */
import { type Check, failed, ok } from './check.ts'
import { dashboard, RESTART, setSetting } from './fixes.ts'

/** Why each matters, and where its value comes from. */
const SETTINGS = {
  RELAY_API_KEY: {
    why: 'It is what lets clients in, compared character by character.',
    source: 'The key alone, without white space; openssl rand -base64 32 makes a new one.',
  },
  RELAY_USER_ID: {
    why: 'Threads belong to it.',
    source: 'The UUID as before, or none of your threads is found; uuidgen makes a first one.',
  },
  SUPABASE_URL: {
    why: 'It is where the threads are.',
    source: `The project URL, and nothing behind it: ${dashboard(undefined, 'settings/api')}`,
  },
  SUPABASE_SERVICE_KEY: {
    why: 'With the publishable (anon) key, or none, the database refuses every tool call.',
    source: `The secret key, sb_secret_…: ${dashboard(undefined, 'settings/api-keys')}`,
  },
  RELAY_API_KEY_PREVIOUS: {
    why: 'While a rotation lasts, clients with the old key are let in by it.',
    source: 'The key before; where no rotation is under way, delete it.',
  },
  RELAY_PUBLIC_URL: {
    why: 'Tokens are issued and taken under this address alone.',
    source: 'An origin such as https://relay.example.com, without /mcp.',
  },
  RELAY_ALLOWED_ORIGINS: {
    why: 'Pages of other origins are refused without it.',
    source: 'Origins such as https://example.com, separated by commas.',
  },
}

/** While one of these fails, the relay answers every client with 500. */
export const SETTING_IDS = Object.keys(SETTINGS).map((name) => `settings.${name}`)

export const settingChecks: Check[] = Object.entries(SETTINGS).map(([name, { why, source }]) => ({
  id: `settings.${name}`,
  needs: ['version'],
  writes: false,
  why: `${why} Until it is mended the relay answers no client.`,
  async look(subject) {
    const problems: string[] = (await subject.health()).body.problems ?? []
    const problem = problems.find((sentence) => sentence.startsWith(`${name} `))
    return problem === undefined
      ? ok('well-formed')
      : failed(problem, setSetting(subject, name), source)
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
      "export RELAY_API_KEY='…', with the key alone.",
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
