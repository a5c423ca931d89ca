/**
 * Removes the lock file that a PostgreSQL left behind when it could not end: after a power cut, with the
 * container, or by SIGKILL. PostgreSQL itself refuses to start if the file is empty or damaged, or names
 * a process that exists, which may be any other one by now.
 */
import { execFileSync } from 'node:child_process'
import { readdir, readFile, readlink, realpath, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** Children of a dead server end by themselves within this time. */
const PATIENCE_MS = 5000
const PAUSE_MS = 50

/**
 * Removes `postmaster.pid` from the folder of the database files, unless a PostgreSQL works in it: the
 * file also keeps two servers from writing there. The caller holds the lock of the data directory.
 */
export async function clearStaleLock(data: string): Promise<void> {
  const lock = join(data, 'postmaster.pid')
  const text = await readFile(lock, 'utf8').catch(() => undefined)
  if (text === undefined) return
  const pid = text.split('\n')[0] as string
  if (process.platform === 'linux') await clearOnLinux(lock, pid, await realpath(data))
  else if (process.platform !== 'win32' && !isPostgres(pid)) await rm(lock)
}

async function clearOnLinux(lock: string, pid: string, folder: string): Promise<void> {
  for (let waited = 0; waited < PATIENCE_MS; waited += PAUSE_MS) {
    const servers = await findServers(folder)
    if (servers.length === 0) return rm(lock)
    if (servers.includes(pid)) return
    await sleep(PAUSE_MS)
  }
}

/** Lists the processes of PostgreSQL that work in a folder. A dead one that has a pid has no folder. */
async function findServers(folder: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const found = await Promise.all(
    pids.map(async (pid) => {
      const at = await readlink(`/proc/${pid}/cwd`).catch(() => '')
      return at === folder && (await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => ''))
    }),
  )
  return pids.filter((_, index) => found[index] === 'postgres\n')
}

/** Whether a process is PostgreSQL, where its folder cannot be seen. */
function isPostgres(pid: string): boolean {
  if (!/^\d+$/.test(pid)) return false
  try {
    const command = execFileSync('ps', ['-o', 'comm=', '-p', pid], {
      encoding: 'utf8',
      env: { PATH: process.env.PATH },
    })
    return /(^|\/)postgres\s*$/.test(command)
  } catch {
    return false
  }
}
