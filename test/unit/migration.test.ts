/** The migration that people paste is the one that its parts make. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { buildMigration } from '../../migrations/build.ts'

test('migrations/001_initial.sql is built from migrations/source/', () => {
  const built = readFileSync('migrations/001_initial.sql', 'utf8')
  // Not toBe(): a difference of two files of this size says nothing.
  expect(built === buildMigration(), 'run npm run build:migration').toBe(true)
})
