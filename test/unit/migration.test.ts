/** The migration that people paste is the one that its parts make, and its errors name their place in it. */
import { readFileSync } from 'node:fs'
import type { Client } from 'pg'
import { expect, test } from 'vitest'
import { buildMigration } from '../../migrations/build.ts'
import { applyMigration } from '../../scripts/lib/migrations.ts'

test('migrations/001_initial.sql is built from migrations/source/', () => {
  const built = readFileSync('migrations/001_initial.sql', 'utf8')
  // Not toBe(): a difference of two files of this size says nothing.
  expect(built === buildMigration(), 'run npm run build:migration').toBe(true)
})

test.each([
  ['12', '001.sql, line 2: boom'],
  // An error of a statement as a whole, such as a lock that was not granted.
  [undefined, '001.sql: boom'],
])('an error at position %s is reported as %s', async (position, message) => {
  const client = {
    async query() {
      throw Object.assign(new Error('boom'), { position })
    },
  }
  const migration = { version: 1, path: '001.sql', sql: 'select 1;\nselect;' }
  await expect(applyMigration(client as unknown as Client, migration)).rejects.toThrow(message)
})
