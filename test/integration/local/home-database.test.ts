/** The embedded database, as commands open it while npm start is not running. */
import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
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
