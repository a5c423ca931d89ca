/** The embedded database, as commands open it while npm start is not running. */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { lockDataDirectory } from '../../../scripts/local/data-directory-lock.ts'
import { openHomeDatabase, reachHomeDatabase } from '../../../scripts/local/home-database.ts'
import { withClient } from '../../../scripts/local/supabase/roles.ts'
import { processesOf } from '../../support/home.ts'

test('a database that cannot be opened is stopped and unlocked, so that the command ends', async () => {
  const data = mkdtempSync(join(tmpdir(), 'relay-home-'))
  // Root's PostgreSQL runs as another account, which must be able to enter.
  chmodSync(data, 0o711)
  try {
    // Then the migrations cannot be applied.
    const { connection, stop } = await reachHomeDatabase(data)
    await withClient(connection, (client) =>
      client.query('alter database relay connection limit 0'),
    )
    await stop()
    await expect(openHomeDatabase(data)).rejects.toThrow('too many connections')
    expect(existsSync(join(data, 'owner.json'))).toBe(false)
    expect(processesOf(join(data, 'postgres'))).toEqual([])
  } finally {
    rmSync(data, { recursive: true })
  }
})

test('the lock file of an earlier run is a sentence while another start has the folder', async () => {
  const data = mkdtempSync(join(tmpdir(), 'relay-home-'))
  const lock = lockDataDirectory(data)
  try {
    mkdirSync(join(data, 'postgres', 'data'), { recursive: true })
    writeFileSync(join(data, 'postgres', 'password'), 'a password')
    // Nothing listens on port 1.
    writeFileSync(join(data, 'postgres', 'data', 'postmaster.pid'), '1\n/data\n0\n1\n')
    await expect(openHomeDatabase(data)).rejects.toThrow(/does not answer \(.*\): try again/)
  } finally {
    lock.release()
    rmSync(data, { recursive: true })
  }
})
