/** How migrations are applied through the person's account at Supabase. */
import { expect, test, vi } from 'vitest'
import type { Management } from '../../../scripts/deploy/management.ts'
import { migrateThroughAccount } from '../../../scripts/deploy/migration.ts'
import type { Setup } from '../../../scripts/deploy/steps.ts'
import type { Migration } from '../../../scripts/lib/migrations.ts'

const REF = 'abcdefghijklmnopqrst'
const PENDING: Migration[] = [2, 3].map((version) => ({
  version,
  path: `00${version}.sql`,
  sql: `select ${version}`,
}))

/** An account whose project has this many messages, and the SQL run in it and the words printed. */
function createAccount(count?: string) {
  const statements: string[] = []
  const said: unknown[] = []
  vi.spyOn(console, 'log').mockImplementation((line) => said.push(line))
  const account: Partial<Management> = {
    readSql: async () => (count === undefined ? [] : [{ count }]),
    async runSql(_, sql) {
      statements.push(sql)
      return []
    },
  }
  const setup: Setup = { takesOver: false, deployment: {}, account: account as Management }
  return { setup, statements, said }
}

test.each([undefined, '0', '200000'])(
  'with %s messages, they are applied in order and named',
  async (count) => {
    const { setup, statements, said } = createAccount(count)
    expect(await migrateThroughAccount(setup, REF, PENDING)).toBe(true)
    expect(statements).toEqual(['select 2', 'select 3'])
    expect(said).toEqual(expect.arrayContaining(['Applied 002.sql', 'Applied 003.sql']))
  },
)

test('with more messages than Supabase waits for, nothing is run, and the message says why', async () => {
  const { setup, statements, said } = createAccount('200001')
  expect(await migrateThroughAccount(setup, REF, PENDING)).toBe(false)
  expect(statements).toEqual([])
  expect(said.join()).toContain('Numbering them takes minutes')
})
