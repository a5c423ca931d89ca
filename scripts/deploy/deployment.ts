/**
 * What is known of the person's deployment, kept in .relay/setup.json (or in RELAY_DATA) from the
 * first answer on: what an interrupted set-up continues with, and what a rotation begins with.
 * The file holds keys in clear, as .dev.vars does, and can be read by its owner only.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { makeDirectory } from '../lib/data-directory.ts'
import { PROJECT } from '../lib/project.ts'
import { UserError } from '../lib/user-error.ts'

const FOLDER = resolve(PROJECT, process.env.RELAY_DATA ?? '.relay')
const FILE = join(FOLDER, 'setup.json')

/** The same for people: short where it is below the folder they are in. */
export const KEPT_IN = FILE.startsWith(process.cwd()) ? relative(process.cwd(), FILE) : FILE

export interface Deployment {
  /** The Cloudflare account's id. */
  account?: string
  /** The Worker's name. */
  worker?: string
  /** The origin that clients reach. */
  url?: string
  /** When the key that is kept here was deployed; unset for one that is still to be. */
  deployed_at?: string | undefined
  SUPABASE_URL?: string
  SUPABASE_SERVICE_KEY?: string
  RELAY_USER_ID?: string
  RELAY_API_KEY?: string
  RELAY_API_KEY_PREVIOUS?: string | undefined
  /** A rotation that has not been seen to its end. */
  rotation?: { key: string; kind: 'planned' | 'leaked' } | undefined
}

export function readDeployment(): Deployment {
  try {
    return JSON.parse(readFileSync(FILE, 'utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {}
    throw new UserError(`${FILE} can't be read: ${(error as Error).message}.`)
  }
}

/** Adds to what is known, in `deployment` and in the file at once. */
export function keep(deployment: Deployment, known: Deployment): void {
  Object.assign(deployment, known)
  makeDirectory(FOLDER)
  const draft = `${FILE}.${process.pid}`
  writeFileSync(draft, `${JSON.stringify(deployment, null, 2)}\n`, { mode: 0o600 })
  renameSync(draft, FILE)
}

/** Puts the file aside, where its key can still be found. */
export function putAside(): void {
  renameSync(FILE, join(FOLDER, 'setup.previous.json'))
}
