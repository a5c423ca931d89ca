/**
 * The settings of `npm start`: from the environment, then .dev.vars, then what is kept in the data
 * directory. The Worker judges its own settings; here is checked only what would otherwise fail without
 * a word.
 */
import { readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseEnv } from 'node:util'
import { isUuid } from '../../src/settings-table.ts'
import { makeDirectory, readKept, type Values } from './data-directory.ts'
import { UsageError } from './user-error.ts'

export interface Settings {
  port: number
  dataDirectory: string
  apiKey: string
  previousApiKey: string | undefined
  userId: string
  serviceKey: string
  /** A Supabase project; without one the embedded database is used. */
  supabaseUrl: string | undefined
  publicUrl: string | undefined
  allowedOrigins: string | undefined
  /** Whether a tunnel of Cloudflare sets `CF-Connecting-IP`. */
  trustsConnectingIp: boolean
  /** Where the key comes from, and so where a new one must be put. */
  keySource: 'environment' | '.dev.vars' | 'kept'
  /** What the person should see, each in a sentence. */
  warnings: string[]
}

interface Rule {
  isGood: (value: string) => boolean
  /** Completes "NAME must be …". */
  words: string
}

const httpUrl: Rule = {
  isGood: (value) => /^https?:$/.test(URL.parse(value)?.protocol ?? ''),
  words: 'an http or https URL',
}
const headerValue: Rule = {
  isGood: (value) => /^[\x21-\x7e]+$/.test(value),
  words: 'visible ASCII characters without spaces, because it travels in a header',
}

const RULES = {
  PORT: {
    isGood: (value) => /^\d{1,5}$/.test(value) && Number(value) <= 65535,
    words: 'a number from 0 (any free port) to 65535',
  },
  RELAY_DATA: { isGood: () => true, words: 'a folder' },
  RELAY_API_KEY: headerValue,
  RELAY_API_KEY_PREVIOUS: headerValue,
  RELAY_USER_ID: {
    isGood: isUuid,
    words: 'a UUID',
  },
  SUPABASE_URL: httpUrl,
  SUPABASE_SERVICE_KEY: headerValue,
  RELAY_PUBLIC_URL: httpUrl,
  RELAY_ALLOWED_ORIGINS: { isGood: () => true, words: 'origins separated by commas' },
  RELAY_TRUST_CF_IP: { isGood: (value) => /^[01]$/.test(value), words: '1 or 0' },
} satisfies Record<string, Rule>

type Name = keyof typeof RULES

/** Reads the settings of the project in `folder`, making its data directory and keys if needed. */
export function readSettings(folder: string, environment: Values = process.env): Settings {
  const { values, warnings } = readDevVars(folder)
  const given = { ...values, ...pick(environment) }
  for (const [name, rule] of Object.entries(RULES)) check(name, given[name], rule)
  if (given.SUPABASE_URL) requireProject(given)

  const dataDirectory = resolve(folder, given.RELAY_DATA ?? '.relay')
  makeDirectory(dataDirectory)
  const kept = readKept(dataDirectory)
  const value = (name: 'RELAY_API_KEY' | 'RELAY_USER_ID' | 'SUPABASE_SERVICE_KEY') =>
    given[name] ?? (kept[name] as string)
  return {
    port: Number(given.PORT ?? 8787),
    dataDirectory,
    apiKey: value('RELAY_API_KEY'),
    // A key that is given replaces the kept one, and what was kept as that one's predecessor with it.
    previousApiKey:
      given.RELAY_API_KEY_PREVIOUS ??
      (given.RELAY_API_KEY ? undefined : kept.RELAY_API_KEY_PREVIOUS),
    userId: value('RELAY_USER_ID'),
    serviceKey: value('SUPABASE_SERVICE_KEY'),
    supabaseUrl: given.SUPABASE_URL,
    publicUrl: given.RELAY_PUBLIC_URL,
    allowedOrigins: given.RELAY_ALLOWED_ORIGINS,
    trustsConnectingIp: given.RELAY_TRUST_CF_IP === '1',
    keySource: environment.RELAY_API_KEY
      ? 'environment'
      : values.RELAY_API_KEY
        ? '.dev.vars'
        : 'kept',
    warnings,
  }
}

/** Where the data directory is, without making it. */
export function dataDirectoryOf(folder: string, environment: Values = process.env): string {
  const { RELAY_DATA = '.relay' } = { ...readDevVars(folder).values, ...pick(environment) }
  return resolve(folder, RELAY_DATA)
}

/** The values of .dev.vars, and whether others can read it. */
function readDevVars(folder: string): { values: Values; warnings: string[] } {
  const path = join(folder, '.dev.vars')
  try {
    // Windows' editors begin a file with a byte order mark, which would hide the first name.
    const text = readFileSync(path, 'utf8').replace(/^\ufeff/, '')
    // A line without a value is one that was copied from .dev.vars.example and not filled in.
    const values = Object.entries(parseEnv(text)).filter(([, value]) => value !== '')
    const isOpen = process.platform !== 'win32' && (statSync(path).mode & 0o077) !== 0
    const warning = '.dev.vars holds keys and others can read it: chmod 600 .dev.vars'
    return {
      values: pick(Object.fromEntries(values)),
      warnings: isOpen && values.length > 0 ? [warning] : [],
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { values: {}, warnings: [] }
    throw new UsageError(`.dev.vars can't be read: ${(error as Error).message}.`)
  }
}

/** Changes settings in .dev.vars, and closes it to others; undefined removes a line. */
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
  const draft = `${path}.${process.pid}`
  const text = [...added, ...rest].join('\n')
  writeFileSync(draft, text.endsWith('\n') ? text : `${text}\n`, { mode: 0o600, flush: true })
  renameSync(draft, path)
}

function pick(values: Values): Values {
  return Object.fromEntries(
    Object.entries(values).filter(([name, value]) => name in RULES && value !== undefined),
  )
}

function check(name: string, value: string | undefined, { isGood, words }: Rule): void {
  if (value === undefined) return
  if (value.trim() === '')
    throw new UsageError(`${name} is empty: give it a value, or leave it out.`)
  // The value is not repeated: it may be a key.
  if (!isGood(value)) throw new UsageError(`${name} must be ${words}.`)
}

/** The key and the user of a project that was not made here can't be made here either. */
function requireProject(given: Values): void {
  const needed: Name[] = ['SUPABASE_SERVICE_KEY', 'RELAY_USER_ID']
  const missing = needed.filter((name) => !given[name])
  if (missing.length === 0) return
  throw new UsageError(
    `SUPABASE_URL is set, so ${missing.join(' and ')} must be too; without SUPABASE_URL the ` +
      'embedded database is used.',
  )
}
