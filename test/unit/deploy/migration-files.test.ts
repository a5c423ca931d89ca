/** The names of migrations in the folder of a project that is managed with Supabase's program. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { writeMigrationFiles } from '../../../scripts/deploy/migration-files.ts'
import type { Migration } from '../../../scripts/lib/migrations.ts'

const now = new Date('2026-11-26T12:00:00Z')
const FIRST: Migration = { version: 1, path: 'migrations/001_initial.sql', sql: 'select 1;\n' }
const SECOND: Migration = { version: 2, path: 'migrations/002_more.sql', sql: 'select 2;\n' }

function createFolder() {
  const path = mkdtempSync(join(tmpdir(), 'relay-migrations-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) }
}

test('migrations get increasing times, and an update adds only new files', () => {
  using folder = createFolder()
  const migrations = join(folder.path, 'supabase', 'migrations')
  writeMigrationFiles(migrations, [FIRST], now)
  expect(readdirSync(migrations)).toEqual(['20261126120000_relay_mcp_001_initial.sql'])
  // As git does on Windows.
  writeFileSync(join(migrations, '20261126120000_relay_mcp_001_initial.sql'), 'select 1;\r\n')
  const files = writeMigrationFiles(migrations, [FIRST, SECOND], now)
  expect(files.map(({ isNew }) => isNew)).toEqual([false, true])
  expect(readdirSync(migrations)).toEqual([
    '20261126120000_relay_mcp_001_initial.sql',
    '20261126120001_relay_mcp_002_more.sql',
  ])
})

test('a migration comes after those that the project already has, and never overwrites one', () => {
  using folder = createFolder()
  const theirs = '20270101000000_relay_mcp_001_initial.sql'
  writeFileSync(join(folder.path, theirs), 'select 0;\n')
  writeMigrationFiles(folder.path, [FIRST], now)
  expect(readdirSync(folder.path)).toEqual([theirs, '20270101000001_relay_mcp_001_initial.sql'])
  expect(readFileSync(join(folder.path, theirs), 'utf8')).toBe('select 0;\n')
})

test('a folder that cannot be written to is named', () => {
  using folder = createFolder()
  const file = join(folder.path, 'file')
  writeFileSync(file, '')
  for (const path of [file, join(file, 'below')]) {
    expect(() => writeMigrationFiles(path, [FIRST])).toThrow(
      `written to ${path}: it is not a folder`,
    )
  }
})
