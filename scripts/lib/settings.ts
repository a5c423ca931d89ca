/**
 * The settings of `npm start`: from the environment, then .dev.vars, then what the first run made
 * and keeps in the data directory, readable by its owner only. What the Worker makes of its own
 * settings is the Worker's; here is checked only what would otherwise fail without a word.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import { chmodSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseEnv } from 'node:util'
import { UserError } from './user-error.ts'

type Values = Record<string, string | undefined>

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
    isGood: (value) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(value),
    words: 'a UUID',
  },
  SUPABASE_URL: httpUrl,
  SUPABASE_SERVICE_KEY: headerValue,
  RELAY_PUBLIC_URL: httpUrl,
  RELAY_ALLOWED_ORIGINS: { isGood: () => true, words: 'origins separated by commas' },
} satisfies Record<string, Rule>

type Name = keyof typeof RULES

/** Made by the first run, each where none is given. */
const MADE = {
  RELAY_API_KEY: () => randomBytes(32).toString('base64url'),
  RELAY_USER_ID: () => randomUUID(),
  SUPABASE_SERVICE_KEY: () => `sb_secret_${randomBytes(24).toString('base64url')}`,
}

/** Reads the settings of the project in `folder`, making its data directory and keys if needed. */
export function readSettings(folder: string, environment: Values = process.env): Settings {
  const given = { ...readDevVars(folder), ...pick(environment) }
  for (const [name, rule] of Object.entries(RULES)) check(name, given[name], rule)
  if (given.SUPABASE_URL) requireProject(given)

  const dataDirectory = resolve(folder, given.RELAY_DATA ?? '.relay')
  makeDirectory(dataDirectory)
  const kept = readKept(join(dataDirectory, 'settings.json'))
  const value = (name: keyof typeof MADE) => given[name] ?? (kept[name] as string)
  return {
    port: Number(given.PORT ?? 8787),
    dataDirectory,
    apiKey: value('RELAY_API_KEY'),
    previousApiKey: given.RELAY_API_KEY_PREVIOUS,
    userId: value('RELAY_USER_ID'),
    serviceKey: value('SUPABASE_SERVICE_KEY'),
    supabaseUrl: given.SUPABASE_URL,
    publicUrl: given.RELAY_PUBLIC_URL,
    allowedOrigins: given.RELAY_ALLOWED_ORIGINS,
  }
}

/** A line without a value is one that was copied from .dev.vars.example and not filled in. */
function readDevVars(folder: string): Values {
  try {
    const values = Object.entries(parseEnv(readFileSync(join(folder, '.dev.vars'), 'utf8')))
    return pick(Object.fromEntries(values.filter(([, value]) => value !== '')))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {}
    throw new UserError(`.dev.vars can't be read: ${(error as Error).message}.`)
  }
}

function pick(values: Values): Values {
  return Object.fromEntries(
    Object.entries(values).filter(([name, value]) => name in RULES && value !== undefined),
  )
}

function check(name: string, value: string | undefined, { isGood, words }: Rule): void {
  if (value === undefined) return
  if (value.trim() === '')
    throw new UserError(`${name} is empty: give it a value, or leave it out.`)
  // The value is not repeated: it may be a key.
  if (!isGood(value)) throw new UserError(`${name} must be ${words}.`)
}

/** The key and the user of a project that was not made here can't be made here either. */
function requireProject(given: Values): void {
  const needed: Name[] = ['SUPABASE_SERVICE_KEY', 'RELAY_USER_ID']
  const missing = needed.filter((name) => !given[name])
  if (missing.length === 0) return
  throw new UserError(
    `SUPABASE_URL is set, so ${missing.join(' and ')} must be too; without SUPABASE_URL the ` +
      'embedded database is used.',
  )
}

/** Makes the folder of the project’s own files, unless it is there. */
export function makeDirectory(path: string): void {
  // Root's PostgreSQL runs as another account and must be able to pass through; the files in it
  // are each closed to others.
  const mode = process.getuid?.() === 0 ? 0o711 : 0o700
  try {
    if (mkdirSync(path, { recursive: true })) chmodSync(path, mode)
  } catch (error) {
    throw new UserError(`RELAY_DATA can't be made: ${(error as Error).message}.`)
  }
}

function readKept(path: string): Values {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    if (error instanceof SyntaxError) {
      throw new UserError(`${path} is damaged: mend it, or remove it to have new keys made.`)
    }
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      throw new UserError(`${path} can't be read: ${(error as Error).message}.`)
    }
  }
  const made = Object.fromEntries(Object.entries(MADE).map(([name, make]) => [name, make()]))
  return keep(path, made)
}

/** Writes the whole file in one step, and yields to another start that did so first. */
function keep(path: string, made: Values): Values {
  const draft = `${path}.${process.pid}`
  try {
    writeFileSync(draft, `${JSON.stringify(made, null, 2)}\n`, { mode: 0o600, flush: true })
    linkSync(draft, path)
    return made
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return readKept(path)
    throw new UserError(`RELAY_DATA can't be written: ${(error as Error).message}.`)
  } finally {
    rmSync(draft, { force: true })
  }
}
