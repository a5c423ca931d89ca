/**
 * Reads and writes the data of the person's deployment: .relay/setup.json, or the same file in
 * RELAY_DATA. Saved after every answer, so that an interrupted set-up can resume and a rotation knows
 * where to start. It contains keys in clear text, as .dev.vars does, and only its owner can read it.
 */
import { linkSync, readFileSync, rmSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { makeDirectory } from '../lib/data-directory.ts'
import { replacePrivate } from '../lib/private-file.ts'
import { PROJECT } from '../lib/project.ts'
import { UserError } from '../lib/user-error.ts'

const FOLDER = resolve(PROJECT, process.env.RELAY_DATA ?? '.relay')
const FILE = join(FOLDER, 'setup.json')

/** The path for people: relative if it is below their current folder. */
export const KEPT_IN = FILE.startsWith(process.cwd()) ? relative(process.cwd(), FILE) : FILE

export interface Deployment {
  /** The Cloudflare account's id. */
  account?: string
  /** The Worker's name. */
  worker?: string
  /** The origin that clients reach. */
  url?: string
  /** When the key in this file was deployed; undefined before that. */
  deployed_at?: string | undefined
  /** The ref of the Supabase project, if it was chosen or created through the person's account. */
  project?: string | undefined
  /** The password of its database, which the relay does not use. */
  SUPABASE_DB_PASSWORD?: string
  SUPABASE_URL?: string
  SUPABASE_SERVICE_KEY?: string
  RELAY_USER_ID?: string
  RELAY_API_KEY?: string
  RELAY_API_KEY_PREVIOUS?: string | undefined
  /** The key for the clients of this machine. */
  RELAY_KEY?: string
  /** A rotation that is not complete. */
  rotation?: { key: string; kind: 'planned' | 'leaked' } | undefined
}

export function readDeployment(): Deployment {
  try {
    return JSON.parse(readFileSync(FILE, 'utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {}
    throw new UserError(`${FILE} cannot be read: ${(error as Error).message}.`)
  }
}

/** Adds values to `deployment` and to the file. */
export function keep(deployment: Deployment, known: Deployment): void {
  Object.assign(deployment, known)
  makeDirectory(FOLDER)
  replacePrivate(FILE, `${JSON.stringify(deployment, null, 2)}\n`)
}

/** Renames the file, so that its key can still be found, and returns its new name. */
export function setAside(): string {
  const name = `setup.${new Date().toISOString().replaceAll(':', '-')}.json`
  // Never replaces a file, as renaming would.
  linkSync(FILE, join(FOLDER, name))
  rmSync(FILE)
  return name
}
