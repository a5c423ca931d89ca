/** `npm run setup` on an account whose cron triggers are used up. */
import { writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { Deployment } from '../../../scripts/deploy/deployment.ts'
import {
  createAccounts,
  PROJECT_URL,
  RELAY_URL,
  SERVICE_KEY,
  USER,
} from '../../support/accounts.ts'
import { inPipe } from '../../support/person.ts'

const CURL = `curl -fsS -H "Authorization: Bearer $RELAY_KEY" ${RELAY_URL}/health`

test('without a free cron trigger, setup ends with a running relay and names the missing trigger', async () => {
  await using accounts = await createAccounts({ hasQuickWrangler: true })
  const { cloudflare } = accounts
  await accounts.runMigrations()
  const known: Deployment = {
    worker: 'relay-mcp',
    SUPABASE_URL: PROJECT_URL,
    SUPABASE_SERVICE_KEY: SERVICE_KEY,
    RELAY_USER_ID: USER,
  }
  writeFileSync(accounts.file, JSON.stringify(known))
  cloudflare.fail('PUT scripts schedules', 10072)

  const first = await inPipe('setup', [], accounts.environment)
  expect(first).toMatchObject({ code: 0 })
  expect(first.printed).toContain('without its cron trigger')
  expect(first.printed).toContain('five cron triggers per account')
  expect(first.printed).toContain(CURL)
  expect(first.printed).toContain(', 0 failed.')
  expect(first.printed).toContain(`How to connect each client: ${RELAY_URL}/`)
  expect(first.printed).not.toContain('Output of wrangler')
  expect(cloudflare.scripts.get('relay-mcp')?.crons).toEqual([])
  const { RELAY_API_KEY: key = '' } = accounts.kept()
  expect(await accounts.statusFor(key)).toBe(200)

  const again = await inPipe('setup', [], accounts.environment)
  expect(again).toMatchObject({ code: 0 })
  expect(again.printed).toContain(CURL)

  cloudflare.fail()
  const freed = await inPipe('setup', [], accounts.environment)
  expect(freed).toMatchObject({ code: 0 })
  expect(freed.printed).not.toContain('without its cron trigger')
  expect(cloudflare.scripts.get('relay-mcp')?.crons).toEqual(['*/2 * * * *'])
})

test('the doctor warns about a deployed relay without its trigger', async () => {
  await using accounts = await createAccounts({ hasQuickWrangler: true })
  await accounts.deployRelay('a-key-of-these-tests-that-is-long-enough')
  await accounts.runMigrations()
  const { environment } = accounts
  const examine = async () => {
    const { printed } = await inPipe('doctor', ['--json'], {
      ...environment,
      RELAY_URL,
      RELAY_API_KEY: 'a-key-of-these-tests-that-is-long-enough',
    })
    const { checks } = JSON.parse(printed.slice(printed.indexOf('{')))
    return checks.find(({ id }: { id: string }) => id === 'daily-query')
  }
  expect(await examine()).toMatchObject({ outcome: 'unknown' })
  const known: Deployment = { account: 'a'.repeat(32), worker: 'relay-mcp', url: RELAY_URL }
  writeFileSync(accounts.file, JSON.stringify(known))
  expect(await examine()).toMatchObject({
    outcome: 'warning',
    fix: expect.arrayContaining([CURL]),
  })
})
