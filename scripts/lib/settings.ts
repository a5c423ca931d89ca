/**
 * The settings of `npm start`: from the environment, then .dev.vars, then the data directory. Rejects
 * values that the Worker would reject (src/settings-table.ts) before anything is started.
 */
import { readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseEnv } from 'node:util'
import { readConfig } from '../../src/config.ts'
import { cleanKey, isClientKey } from '../../src/key-rules.ts'
import { CLIENT_KEY_SENTENCE, SETTINGS } from '../../src/settings-table.ts'
import { findKept, keptPath, makeDirectory, readKept, type Values } from './data-directory.ts'
import { replacePrivate } from './private-file.ts'
import { UsageError, UserError } from './user-error.ts'

export interface Settings {
  port: number
  dataDirectory: string
  apiKey: string
  previousApiKey: string | undefined
  userId: string
  serviceKey: string
  /** The URL of a Supabase project; undefined means the embedded database. */
  supabaseUrl: string | undefined
  publicUrl: string | undefined
  allowedOrigins: string | undefined
  app?: string | undefined
  notifyUrl?: string | undefined
  notifyFor?: string | undefined
  deleteArchivedDays?: string | undefined
  events?: string | undefined
  eventHosts?: string | undefined
  /** Whether a Cloudflare tunnel sets `CF-Connecting-IP`. */
  trustsConnectingIp: boolean
  /** Where the key comes from, and therefore where a rotation must write the new one. */
  keySource: 'environment' | '.dev.vars' | 'kept'
  /** Sentences that the person should see. */
  warnings: string[]
}

/** The fault of a value, to follow the setting's name; undefined if it is valid. */
type Rule = (value: string) => string | undefined

const must =
  (isGood: RegExp, words: string): Rule =>
  (value) =>
    isGood.test(value) ? undefined : `must be ${words}`

/** A key travels in an HTTP header. */
export const checkHeaderValue = must(
  /^[\x21-\x7e]+$/,
  'visible ASCII characters without spaces, because it is sent in a header',
)

/** Refuses a key for one client that was set as the key of a relay. Throws UsageError. */
export function refuseClientKey(key: string | undefined): void {
  if (key !== undefined && isClientKey(cleanKey(key))) {
    throw new UsageError(`RELAY_API_KEY ${CLIENT_KEY_SENTENCE}.`)
  }
}

/** The rules of this machine, before those of the Worker. */
const RULES: Record<string, Rule> = {
  PORT: (value) => (isPort(value) ? undefined : 'must be a number from 0 (any free port) to 65535'),
  RELAY_API_KEY: checkHeaderValue,
  RELAY_API_KEY_PREVIOUS: checkHeaderValue,
  SUPABASE_SERVICE_KEY: checkHeaderValue,
  RELAY_PUBLIC_URL: (value) =>
    isPublicUrl(value)
      ? undefined
      : 'must begin with https:// and have no path, such as https://relay.example.com',
  RELAY_TRUST_CF_IP: must(/^[01]$/, '1 or 0'),
}

/** The rules of the Worker's required settings. Bad optional ones the Worker reports and ignores. */
const WORKER_RULES: Record<string, Rule> = Object.fromEntries(
  SETTINGS.filter(({ isRequired }) => isRequired).map(({ name, check }) => [name, check]),
)

const NAMES = new Set(['RELAY_DATA', ...Object.keys(RULES), ...SETTINGS.map(({ name }) => name)])

const isPort = (value: string) => /^\d{1,5}$/.test(value) && Number(value) <= 65535

/** Whether the Worker takes it: it ignores any other value, so that clients would be refused. */
function isPublicUrl(value: string): boolean {
  const { warnings } = readConfig({ RELAY_PUBLIC_URL: value, RELAY_HOSTS: 'localhost' })
  return warnings.every(({ setting }) => setting !== 'RELAY_PUBLIC_URL')
}

/**
 * Reads the settings of the project in `folder`. Creates its data directory and keys if needed; with
 * `mustExist`, throws UserError instead, and writes nothing.
 */
export function readSettings(
  folder: string,
  environment: Values = process.env,
  { mustExist = false } = {},
): Settings {
  const { values, warnings } = readDevVars(folder)
  const given = { ...values, ...pick(environment) }
  for (const name of NAMES) check(name, given[name])
  if (given.SUPABASE_URL) requireProject(given)

  const dataDirectory = resolve(folder, given.RELAY_DATA ?? '.relay')
  if (!mustExist) makeDirectory(dataDirectory)
  const kept = mustExist ? findKept(dataDirectory) : readKept(dataDirectory)
  // Nothing of a Supabase project is in the data directory.
  if (!kept && !given.SUPABASE_URL) {
    throw new UserError(
      `There is no relay in ${dataDirectory}: RELAY_DATA is mistyped, or npm start has never run here.`,
    )
  }
  const value = (name: 'RELAY_API_KEY' | 'RELAY_USER_ID' | 'SUPABASE_SERVICE_KEY') =>
    given[name] ?? kept?.[name] ?? ''
  return {
    port: Number(given.PORT ?? 8787),
    dataDirectory,
    apiKey: value('RELAY_API_KEY'),
    // A key from outside replaces the kept one together with the kept one's predecessor.
    previousApiKey:
      given.RELAY_API_KEY_PREVIOUS ??
      (given.RELAY_API_KEY ? undefined : kept?.RELAY_API_KEY_PREVIOUS),
    userId: value('RELAY_USER_ID'),
    serviceKey: value('SUPABASE_SERVICE_KEY'),
    supabaseUrl: given.SUPABASE_URL,
    publicUrl: given.RELAY_PUBLIC_URL,
    allowedOrigins: given.RELAY_ALLOWED_ORIGINS,
    app: given.RELAY_APP,
    notifyUrl: given.RELAY_NOTIFY_URL,
    notifyFor: given.RELAY_NOTIFY_FOR,
    deleteArchivedDays: given.RELAY_DELETE_ARCHIVED_DAYS,
    events: given.RELAY_EVENTS,
    eventHosts: given.RELAY_EVENT_HOSTS,
    trustsConnectingIp: given.RELAY_TRUST_CF_IP === '1',
    keySource: environment.RELAY_API_KEY
      ? 'environment'
      : values.RELAY_API_KEY
        ? '.dev.vars'
        : 'kept',
    warnings,
  }
}

/** Says where the key is, for a person who may read it there. */
export function describeKeySource({ keySource, dataDirectory }: Settings, folder: string): string {
  if (keySource === 'environment') return 'RELAY_API_KEY in the environment of this process'
  const file = keySource === '.dev.vars' ? join(folder, '.dev.vars') : keptPath(dataDirectory)
  return `RELAY_API_KEY in ${file}`
}

/** Finds the data directory without creating it. */
export function findDataDirectory(folder: string, environment: Values = process.env): string {
  const { RELAY_DATA = '.relay' } = { ...readDevVars(folder).values, ...pick(environment) }
  return resolve(folder, RELAY_DATA)
}

/** The values of .dev.vars, and whether others can read it. */
function readDevVars(folder: string): { values: Values; warnings: string[] } {
  const path = join(folder, '.dev.vars')
  try {
    // Editors on Windows add a byte order mark, which would hide the first name.
    const text = readFileSync(path, 'utf8').replace(/^\ufeff/, '')
    // A line without a value was copied from .dev.vars.example and not filled in.
    const values = Object.entries(parseEnv(text)).filter(([, value]) => value !== '')
    const isOpen = process.platform !== 'win32' && (statSync(path).mode & 0o077) !== 0
    const warning = '.dev.vars contains keys, and other users can read it. Run: chmod 600 .dev.vars'
    return {
      values: pick(Object.fromEntries(values)),
      warnings: isOpen && values.length > 0 ? [warning] : [],
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { values: {}, warnings: [] }
    throw new UsageError(`.dev.vars cannot be read: ${(error as Error).message}.`)
  }
}

/** Changes settings in .dev.vars and makes it private to its owner; undefined removes a line. */
export function changeDevVars(folder: string, changes: Values): void {
  const path = join(folder, '.dev.vars')
  const lines = readFileSync(path, 'utf8')
    .replace(/^\ufeff/, '')
    .split('\n')
  const rest = lines.filter((line) => {
    const [, name = ''] = /^\s*(?:export\s+)?(\w+)\s*=/.exec(line) ?? []
    return !(name in changes)
  })
  const added = Object.entries(changes).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${value}`],
  )
  const text = [...added, ...rest].join('\n')
  replacePrivate(path, text.endsWith('\n') ? text : `${text}\n`)
}

function pick(values: Values): Values {
  return Object.fromEntries(
    Object.entries(values).filter(([name, value]) => NAMES.has(name) && value !== undefined),
  )
}

function check(name: string, value: string | undefined): void {
  if (value === undefined) return
  if (value.trim() === '')
    throw new UsageError(`${name} is empty: set it to a value, or remove it.`)
  // The message does not repeat the value, which may be a key.
  const problem = RULES[name]?.(value) ?? WORKER_RULES[name]?.(value)
  if (problem) throw new UsageError(`${name} ${problem}.`)
}

/** A Supabase project already has its key and its user, so they cannot be generated here. */
function requireProject(given: Values): void {
  const needed = ['SUPABASE_SERVICE_KEY', 'RELAY_USER_ID']
  const missing = needed.filter((name) => !given[name])
  if (missing.length === 0) return
  throw new UsageError(
    `SUPABASE_URL is set, so ${missing.join(' and ')} must be too. Remove SUPABASE_URL to use the ` +
      'embedded database.',
  )
}
