/** PostgreSQL's own lock file, as a power cut or a killed container leaves it behind. */
import { spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { postgresAccount } from '../../../scripts/local/postgres/account.ts'
import { ensureClusterDirectory } from '../../../scripts/local/postgres/directory.ts'
import { startPostgres } from '../../../scripts/local/postgres/server.ts'

async function createCluster() {
  const folder = mkdtempSync(join(tmpdir(), 'relay-stale-'))
  // Root's PostgreSQL runs as another account, which must be able to enter.
  chmodSync(folder, 0o711)
  const { path: directory } = await ensureClusterDirectory(folder)
  return {
    directory,
    lock: join(directory, 'data', 'postmaster.pid'),
    start: () => startPostgres({ directory, durable: false, maxConnections: 5 }),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
  }
}

test('a lock file that no running PostgreSQL holds does not keep it from starting', async () => {
  using cluster = await createCluster()
  const first = await cluster.start()
  const lines = readFileSync(cluster.lock, 'utf8').split('\n')
  await first.stop()

  const account = postgresAccount(cluster.directory)
  const foreign = spawn('sleep', ['60'], { ...account, cwd: '/', stdio: 'ignore' })
  try {
    const left = [`${foreign.pid}`, ...lines.slice(1)].join('\n')
    for (const text of [left, '', 'not a number\n', '\0\0\0\0', `${process.pid}\n`]) {
      writeFileSync(cluster.lock, text)
      const postgres = await cluster.start()
      await postgres.stop()
    }
    expect(foreign.exitCode).toBeNull()
  } finally {
    foreign.kill('SIGKILL')
  }
})

test('the lock file of a running PostgreSQL stays, and a second one is told how to end it', async () => {
  using cluster = await createCluster()
  const first = await cluster.start()
  try {
    const { ino } = statSync(cluster.lock)
    await expect(cluster.start()).rejects.toThrow(
      `still works in ${cluster.directory} (process ${first.pid}). End it with "kill -INT ${first.pid}"`,
    )
    expect(statSync(cluster.lock).ino).toBe(ino)
    expect(readFileSync(cluster.lock, 'utf8').startsWith(`${first.pid}\n`)).toBe(true)
  } finally {
    await first.stop()
  }
})
