/** A connection string as people paste it. */
import { writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { Deployment } from '../../../scripts/deploy/deployment.ts'
import { createAccounts, PROJECT_URL, SERVICE_KEY } from '../../support/accounts.ts'
import { inPipe } from '../../support/person.ts'

test('a line of a settings file is understood, and a wrong password is named', async () => {
  await using accounts = await createAccounts({ hasQuickWrangler: true })
  const known: Deployment = {
    worker: 'relay-mcp',
    SUPABASE_URL: PROJECT_URL,
    SUPABASE_SERVICE_KEY: SERVICE_KEY,
  }
  writeFileSync(accounts.file, JSON.stringify(known))
  const bracketed = accounts.databaseUrl.replace(/:([^:@]+)@/, ':[$1]@')
  const { code, printed } = await inPipe('setup', [], {
    ...accounts.environment,
    DATABASE_URL: `DATABASE_URL="${bracketed}"`,
  })
  expect(code).toBe(1)
  expect(printed).toContain('DATABASE_URL: The database refuses this password.')
})
