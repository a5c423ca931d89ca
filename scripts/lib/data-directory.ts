/**
 * The data directory (`.relay`, or RELAY_DATA) and the settings that are kept in it: what the first
 * run makes, and the keys of a rotation. All of it can be read by its owner only.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import {
  chmodSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { UsageError } from './user-error.ts'

/** Settings by their names in the environment. */
export type Values = Record<string, string | undefined>

/** A key of 256 bits for clients. */
export const makeKey = () => randomBytes(32).toString('base64url')

/** Made by the first run, each for where none is given. */
const MADE = {
  RELAY_API_KEY: makeKey,
  RELAY_USER_ID: () => randomUUID(),
  SUPABASE_SERVICE_KEY: () => `sb_secret_${randomBytes(24).toString('base64url')}`,
}

export const keptPath = (dataDirectory: string) => join(dataDirectory, 'settings.json')

/** Makes the folder of the project's own files, unless it is there. */
export function makeDirectory(path: string): void {
  // Root's PostgreSQL runs as another account and must be able to pass through; the files in it
  // are each closed to others.
  const mode = process.getuid?.() === 0 ? 0o711 : 0o700
  try {
    if (makeFolders(path)) chmodSync(path, mode)
  } catch (error) {
    throw new UsageError(`The data directory ${path} can't be made: ${(error as Error).message}.`)
  }
}

/** Node's own recursive mkdir never ends where a folder refuses with ENOENT, as /proc does. */
function makeFolders(path: string): boolean {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return false
  if (dirname(path) !== path) makeFolders(dirname(path))
  try {
    mkdirSync(path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST' && statSync(path).isDirectory()) {
      return false
    }
    throw error
  }
}

/** The kept settings, made if this is the first run. */
export function readKept(dataDirectory: string): Values {
  const path = keptPath(dataDirectory)
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    if (error instanceof SyntaxError) {
      throw new UsageError(`${path} is damaged: repair it, or remove it to have new keys made.`)
    }
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      throw new UsageError(`${path} can't be read: ${(error as Error).message}.`)
    }
  }
  const made = Object.fromEntries(Object.entries(MADE).map(([name, make]) => [name, make()]))
  return keepFirst(dataDirectory, made)
}

/** Writes the whole file in one step, and yields to another start that did so first. */
function keepFirst(dataDirectory: string, made: Values): Values {
  const path = keptPath(dataDirectory)
  const draft = `${path}.${process.pid}`
  try {
    write(draft, made)
    linkSync(draft, path)
    return made
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return readKept(dataDirectory)
    const why = (error as Error).message
    throw new UsageError(`The data directory ${dataDirectory} can't be written to: ${why}.`)
  } finally {
    rmSync(draft, { force: true })
  }
}

/** Changes kept settings in one step; undefined removes one. */
export function changeKept(dataDirectory: string, changes: Values): void {
  const path = keptPath(dataDirectory)
  const draft = `${path}.${process.pid}`
  write(draft, { ...readKept(dataDirectory), ...changes })
  renameSync(draft, path)
}

function write(path: string, values: Values): void {
  writeFileSync(path, `${JSON.stringify(values, null, 2)}\n`, { mode: 0o600, flush: true })
}
