/**
 * Where the database files are: in the data directory, or, when root's PostgreSQL can't get there,
 * in a folder of the system that a link in the data directory points to.
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
import { canEnter, giveTo, postgresAccount, systemDirectory } from './account.ts'

export interface ClusterDirectory {
  path: string
  /** True when it is not where the person would look for it. */
  isElsewhere: boolean
}

/** Finds the folder of the database files, or makes it for the account that will own them. */
export async function clusterDirectory(dataDirectory: string): Promise<ClusterDirectory> {
  const real = await realpath(dataDirectory)
  const usual = join(real, 'postgres')
  const path = (await found(usual)) ?? (await chosen(real, usual))
  await own(path)
  return { path, isElsewhere: path !== usual }
}

async function found(usual: string): Promise<string | undefined> {
  const path = await realpath(usual).catch(() => undefined)
  if (!path && (await readlink(usual).catch(() => undefined))) {
    throw new UserError(
      `The database that ${usual} leads to is gone: put it back, or remove that link to begin anew.`,
    )
  }
  // Never begin an empty database elsewhere because the full one is out of reach.
  if (path && !canEnter(postgresAccount(path), dirname(path))) {
    throw new UserError(
      `The account PostgreSQL runs as can't reach the database in ${path}: let everyone enter ` +
        'the folders above it (chmod o+x).',
    )
  }
  return path
}

async function chosen(dataDirectory: string, usual: string): Promise<string> {
  if (canEnter(postgresAccount(usual), dataDirectory)) return usual

  // A new name each time: a person who has removed the data directory starts from nothing.
  const path = await mkdtemp(join(await systemDirectory(), `${basename(dirname(dataDirectory))}-`))
  await symlink(path, usual)
  return path
}

/** Makes the folder if it is missing, and gives it to the account. */
async function own(path: string): Promise<void> {
  const account = postgresAccount(path)
  try {
    await mkdir(path, { recursive: true, mode: 0o700 })
    if (account && (await stat(path)).uid !== account.uid) await giveTo(account, path)
    await access(path, constants.R_OK | constants.W_OK)
  } catch (error) {
    const why = (error as Error).message
    throw new UserError(`The database in ${path} can't be used by this account: ${why}.`)
  }
}
