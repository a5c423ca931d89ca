/**
 * Finds or creates the folder of the database files: in the data directory, or, if root's PostgreSQL
 * cannot enter that, in a system folder that a link in the data directory points to.
 */
import {
  access,
  constants,
  mkdir,
  mkdtemp,
  readlink,
  realpath,
  stat,
  symlink,
} from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { UserError } from '../../lib/user-error.ts'
import { canEnter, ensureSystemDirectory, giveTo, postgresAccount } from './account.ts'

export interface ClusterDirectory {
  path: string
  /** True if it is not in the data directory, where the person would expect it. */
  isElsewhere: boolean
}

/** Finds the folder of the database files, or creates it for the account that will own them. */
export async function ensureClusterDirectory(dataDirectory: string): Promise<ClusterDirectory> {
  const real = await realpath(dataDirectory)
  const usual = join(real, 'postgres')
  const path = (await findFolder(usual)) ?? (await chooseFolder(real, usual))
  await ensureFolder(path)
  return { path, isElsewhere: path !== usual }
}

async function findFolder(usual: string): Promise<string | undefined> {
  const path = await realpath(usual).catch(() => undefined)
  if (!path && (await readlink(usual).catch(() => undefined))) {
    throw new UserError(
      `${usual} links to a database that does not exist: restore it, or remove the link to start fresh.`,
    )
  }
  // If the database exists but is out of reach, an empty one must not be created elsewhere.
  if (path && !canEnter(postgresAccount(path), dirname(path))) {
    throw new UserError(
      `The account that PostgreSQL runs as cannot reach the database in ${path}: let everyone enter ` +
        'the folders above it (chmod o+x).',
    )
  }
  return path
}

async function chooseFolder(dataDirectory: string, usual: string): Promise<string> {
  if (canEnter(postgresAccount(usual), dataDirectory)) return usual

  // A new name each time, so that removing the data directory means starting fresh.
  const path = await mkdtemp(
    join(await ensureSystemDirectory(), `${basename(dirname(dataDirectory))}-`),
  )
  await symlink(path, usual)
  return path
}

/** Creates the folder if it is missing, and makes the account its owner. */
async function ensureFolder(path: string): Promise<void> {
  const account = postgresAccount(path)
  try {
    await mkdir(path, { recursive: true, mode: 0o700 })
    if (account && (await stat(path)).uid !== account.uid) await giveTo(account, path)
    await access(path, constants.R_OK | constants.W_OK)
  } catch (error) {
    const why = (error as Error).message
    throw new UserError(`This account cannot use the database in ${path}: ${why}.`)
  }
}
