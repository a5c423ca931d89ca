/**
 * Chooses the account that PostgreSQL runs as, and checks which folders it can enter. PostgreSQL refuses
 * to run as root, so root runs it under a uid that no user and no process has. Under a shared account
 * such as `nobody`, other daemons could reach it and its files.
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { chmod, chown, lchown, mkdir, readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { UserError } from '../../lib/user-error.ts'

export interface Account {
  uid: number
  gid: number
}

/** Holds the files of root's PostgreSQL if the project is in a folder that only root may enter. */
const SYSTEM_DIRECTORY = '/var/lib/relay-mcp'

const NOBODY = 65534

/** Unused by every distribution (systemd's UIDS-GIDS), and within the range of rootless containers. */
const FIRST_FREE = 60_706
const FREE = 478

/**
 * Returns the account for PostgreSQL with this data directory; undefined means our own account. An
 * existing directory keeps its owner: if an ordinary user created it, root runs PostgreSQL as that user.
 */
export function postgresAccount(directory: string): Account | undefined {
  if (process.getuid?.() !== 0) return undefined
  const owner = statSync(directory, { throwIfNoEntry: false })
  if (owner && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid }
  // The same for a directory each time.
  const digest = createHash('sha256').update(directory).digest().readUInt32BE()
  const id = FIRST_FREE + (digest % FREE)
  return { uid: id, gid: id }
}

/**
 * Chooses the account for initdb, which requires an account with a name: a system account without any
 * process, so that nothing else can read the files during these seconds; otherwise `nobody`.
 */
export function initdbAccount(): Account {
  const busy = new Set(listRunningIds())
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n')
  const ids = lines.map((line) => Number(line.split(':')[2]))
  const id = ids.find((each) => each > 0 && each < 1000 && !busy.has(each)) ?? NOBODY
  return { uid: id, gid: id }
}

/** Makes an account the owner of a folder and everything in it. */
export async function giveTo({ uid, gid }: Account, path: string): Promise<void> {
  for (const name of await readdir(path, { recursive: true })) {
    await lchown(join(path, name), uid, gid)
  }
  // Last, so that an interrupted run is repeated.
  await chown(path, uid, gid)
}

/** Lists the owners of all processes, if the system shows them. */
function listRunningIds(): number[] {
  if (process.platform !== 'linux') return []
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid ?? 0)
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

/** Returns a folder outside the project that root's PostgreSQL can enter; creates it if needed. */
export async function ensureSystemDirectory(): Promise<string> {
  try {
    const made = await mkdir(SYSTEM_DIRECTORY, { recursive: true })
    if (made) await chmod(SYSTEM_DIRECTORY, 0o755)
  } catch (error) {
    throw new UserError(
      `PostgreSQL does not run as root, and a folder that it can enter, ${SYSTEM_DIRECTORY}, cannot be ` +
        `created (${(error as Error).message}). Start as an ordinary user, or set RELAY_DATA to a ` +
        'folder that everyone may enter.',
    )
  }
  return SYSTEM_DIRECTORY
}
