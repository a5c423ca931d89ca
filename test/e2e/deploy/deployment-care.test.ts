/** After a set-up: its files of SQL, and removal. */
import { readdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { expect, test } from 'vitest'
import type { Deployment } from '../../../scripts/deploy/deployment.ts'
import { DROP_RELAY } from '../../../scripts/deploy/removal.ts'
import { createAccounts, PROJECT_URL, REF, RELAY_URL, SERVICE_KEY } from '../../support/accounts.ts'
import { ACCOUNT } from '../../support/cloudflare.ts'
import { createTestDatabase } from '../../support/database.ts'
import { CTRL_C, inPipe, inTerminal } from '../../support/person.ts'

const KEY = 'a-key-of-these-tests-that-is-long-enough'

/** A deployed relay that is known in the folder of the command. */
async function createDeployedRelay() {
  const accounts = await createAccounts({ hasQuickWrangler: true })
  await accounts.deployRelay(KEY)
  await accounts.runMigrations()
  const deployment: Deployment = {
    account: ACCOUNT,
    worker: 'relay-mcp',
    url: RELAY_URL,
    deployed_at: '2026-11-22T12:00:00.000Z',
    RELAY_API_KEY: KEY,
    SUPABASE_URL: PROJECT_URL,
    SUPABASE_SERVICE_KEY: SERVICE_KEY,
  }
  writeFileSync(accounts.file, JSON.stringify(deployment))
  return accounts
}

test('the SQL that the removal prints leaves nothing of the relay in a project', async () => {
  await using database = await createTestDatabase()
  const owner = await database.connect('postgres')
  await owner.query('create table public.others (id uuid primary key)')
  const listNames = async () => {
    const { rows } = await owner.query(
      "select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' " +
        "union all select proname from pg_proc where pronamespace = 'public'::regnamespace " +
        "union all select nspname from pg_namespace where nspname = 'relay'",
    )
    return rows.map(({ name }) => name)
  }
  expect((await listNames()).length).toBeGreaterThan(16)
  await owner.query(DROP_RELAY)
  expect(await listNames()).toEqual(['others'])
})

test.each([
  [['--sql', ''], 2, 'The folder is missing'],
  [['--sql', '/dev/null'], 1, 'The migrations cannot be written to /dev/null: it is not a folder.'],
  [['--sql'], 2, "Option '--sql <value>' argument missing"],
])('setup %j is explained', async (args, code, sentence) => {
  const ended = await inPipe('setup', args, {})
  expect(ended.printed).toContain(sentence)
  expect(ended.code).toBe(code)
})

test('a relay is removed only after its name was typed, and the project stays', async () => {
  await using accounts = await createDeployedRelay()
  const { scripts } = accounts.cloudflare
  const unasked = await inPipe('setup', ['--remove'], accounts.environment)
  expect(unasked).toMatchObject({ code: 1 })
  expect(unasked.printed).toContain('RELAY_REMOVE must be set.')
  const dry = await inPipe('setup', ['--remove', '--dry-run'], accounts.environment)
  expect(dry.printed).toContain('Would delete the Worker relay-mcp.')
  expect(scripts.has('relay-mcp')).toBe(true)

  // Logged in to another person's account, the Worker would seem to be gone.
  const { account: saved } = accounts.kept()
  const elsewhere = 'b'.repeat(32)
  writeFileSync(accounts.file, JSON.stringify({ ...accounts.kept(), account: elsewhere }))
  const foreign = await inPipe('setup', ['--remove'], accounts.environment)
  expect(foreign).toMatchObject({ code: 1 })
  expect(foreign.printed).toContain(`is in the Cloudflare account ${elsewhere}`)
  expect(foreign.printed).not.toContain('removed')
  expect(accounts.kept().account).toBe(elsewhere)
  writeFileSync(accounts.file, JSON.stringify({ ...accounts.kept(), account: saved }))

  accounts.cloudflare.hold('DELETE services')
  using hasty = inTerminal('setup', ['--remove'], accounts.environment)
  await hasty.answers('Type relay-mcp to delete it', 'relay-mcp')
  await hasty.answers('Deleting the Worker relay-mcp', CTRL_C)
  await hasty.sees(
    'Stopped. The Worker may be deleted already. Run "npm run setup -- --remove" again.',
  )
  expect(await hasty.exit).toBe(130)
  accounts.cloudflare.hold()

  using person = inTerminal('setup', ['--remove'], accounts.environment)
  await person.answers('Type relay-mcp to delete it', 'another')
  await person.sees('This is not relay-mcp.')
  person.clears()
  await person.answers('Type relay-mcp to delete it', 'relay-mcp')
  await person.sees('Deleted the Worker relay-mcp')
  await person.sees('Keeps the project with all threads and messages.')
  await person.sees('drop table if exists public.relay_threads')
  await person.sees(`https://supabase.com/dashboard/project/${REF}/settings/general`)
  expect(await person.exit).toBe(0)
  expect(scripts.has('relay-mcp')).toBe(false)
  expect(accounts.kept()).toEqual({})
  const aside = readdirSync(dirname(accounts.file)).filter((name) => /^setup\..+\.json$/.test(name))
  expect(aside).toHaveLength(1)
  expect(person.printed).toContain(`Its saved data, with the key, is now in ${aside[0]}.`)

  const again = await inPipe('setup', ['--remove'], accounts.environment)
  expect(again.printed).toContain('there is nothing to remove')
})
