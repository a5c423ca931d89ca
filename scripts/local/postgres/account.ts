/**
 * Which account PostgreSQL runs as, and which folders that account can enter. PostgreSQL refuses
 * to run as root, so root lends it `nobody`, who may not enter every folder that root can.
 */
import { statSync } from 'node:fs'
import { chmod, mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { UserError } from '../../lib/user-error.ts'

export interface Account {
  uid: number
  gid: number
}

/** For what root's PostgreSQL can't keep in a folder that only root may enter. */
const SYSTEM_DIRECTORY = '/var/lib/relay-mcp'

const NOBODY: Account = { uid: 65534, gid: 65534 }

/**
 * The account for PostgreSQL with this data directory; undefined means our own. An existing
 * directory says it by its owner: what an ordinary user began, root goes on with as that user.
 */
export function postgresAccount(directory: string): Account | undefined {
  if (process.getuid?.() !== 0) return undefined
  const owner = statSync(directory, { throwIfNoEntry: false })
  return owner && owner.uid !== 0 ? { uid: owner.uid, gid: owner.gid } : NOBODY
}

/** Whether the account may enter the folder and every folder above it. */
export function canEnter(account: Account | undefined, folder: string): boolean {
  if (!account) return true
  const { mode, uid, gid } = statSync(folder)
  const bit = uid === account.uid ? 0o100 : gid === account.gid ? 0o010 : 0o001
  if (!(mode & bit)) return false
  const above = dirname(folder)
  return above === folder || canEnter(account, above)
}

/** The folder outside the project that root's PostgreSQL can enter, made if missing. */
export async function systemDirectory(): Promise<string> {
  try {
    const made = await mkdir(SYSTEM_DIRECTORY, { recursive: true })
    if (made) await chmod(SYSTEM_DIRECTORY, 0o755)
  } catch (error) {
    throw new UserError(
      `PostgreSQL does not run as root, and ${SYSTEM_DIRECTORY}, where it could run as nobody, ` +
        `can't be made (${(error as Error).message}): start as an ordinary user, or set ` +
        'RELAY_DATA to a folder that everyone may enter.',
    )
  }
  return SYSTEM_DIRECTORY
}
