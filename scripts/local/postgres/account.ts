/**
 * Which account PostgreSQL runs as, and which folders that account can enter. PostgreSQL refuses to
 * run as root, so root lends it an account of its own: a number that no user and no process has, since
 * other daemons could reach it, and its files, under a shared one such as `nobody`.
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

/** For what root's PostgreSQL can't keep in a folder that only root may enter. */
const SYSTEM_DIRECTORY = '/var/lib/relay-mcp'

/** What an earlier version of relay-mcp lent PostgreSQL; such a directory is given an own account. */
const NOBODY = 65534

/** Left free by every distribution (systemd's UIDS-GIDS), and inside what a rootless container maps. */
const FIRST_FREE = 60_706
const LAST_FREE = 61_183

/**
 * The account for PostgreSQL with this data directory; undefined means our own. An existing directory
 * says it by its owner: what an ordinary user began, root continues as that user.
 */
export function postgresAccount(directory: string): Account | undefined {
  if (process.getuid?.() !== 0) return undefined
  const owner = statSync(directory, { throwIfNoEntry: false })
  if (owner && owner.uid !== 0 && owner.uid !== NOBODY) return { uid: owner.uid, gid: owner.gid }
  const id = unusedId(directory)
  return { uid: id, gid: id }
}

/** A free number, the same for the same directory as long as nothing else takes it. */
function unusedId(directory: string): number {
  const used = new Set([...namedIds('/etc/passwd'), ...namedIds('/etc/group'), ...runningIds()])
  const size = LAST_FREE - FIRST_FREE + 1
  const start = createHash('sha256').update(directory).digest().readUInt32BE() % size
  for (let n = 0; n < size; n += 1) {
    const id = FIRST_FREE + ((start + n) % size)
    if (!used.has(id)) return id
  }
  throw new UserError(
    'PostgreSQL does not run as root, and no account is free for it: start as an ordinary user.',
  )
}

/** The numbers in a file such as /etc/passwd. */
function namedIds(path: string): number[] {
  try {
    const fields = readFileSync(path, 'utf8')
      .split('\n')
      .map((line) => line.split(':'))
    return fields.map(([, , id]) => Number(id)).filter(Number.isInteger)
  } catch {
    return []
  }
}

/**
 * The account for initdb, which refuses one without a name: a system account that has no process now,
 * so that nothing else can read what is made in these seconds; `nobody` where there is none.
 */
export function initdbAccount(): Account {
  const busy = new Set(runningIds())
  const idle = namedIds('/etc/passwd').find((id) => id > 0 && id < 1000 && !busy.has(id))
  const id = idle ?? NOBODY
  return { uid: id, gid: id }
}

/** Makes an account the owner of a folder and everything in it. */
export async function giveTo({ uid, gid }: Account, path: string): Promise<void> {
  for (const name of await readdir(path, { recursive: true })) {
    await lchown(join(path, name), uid, gid)
  }
  // Last, so that what was interrupted is begun again.
  await chown(path, uid, gid)
}

/** The owners of all processes, where the system tells. */
function runningIds(): number[] {
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

/** The folder outside the project that root's PostgreSQL can enter, made if missing. */
export async function systemDirectory(): Promise<string> {
  try {
    const made = await mkdir(SYSTEM_DIRECTORY, { recursive: true })
    if (made) await chmod(SYSTEM_DIRECTORY, 0o755)
  } catch (error) {
    throw new UserError(
      `PostgreSQL does not run as root, and ${SYSTEM_DIRECTORY}, which it could enter, ` +
        `can't be made (${(error as Error).message}): start as an ordinary user, or set ` +
        'RELAY_DATA to a folder that everyone may enter.',
    )
  }
  return SYSTEM_DIRECTORY
}
