/** `npm run setup` through the person's account at Supabase: a stand-in for its management API. */

import { statSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { Deployment } from '../../../scripts/deploy/deployment.ts'
import { readMigrations } from '../../../scripts/lib/migrations.ts'
import {
  type Accounts,
  createAccounts,
  PROJECT_URL,
  REF,
  RELAY_URL,
  SERVICE_KEY,
} from '../../support/accounts.ts'
import { ACCOUNT } from '../../support/cloudflare.ts'
import { CTRL_C, DOWN, inPipe, inTerminal } from '../../support/person.ts'

/** The entry of a person with a wrong password manager: all that a URL, a shell or a terminal dislikes. */
const ODD_PASSWORD = `p@ss:w/o?r#d%20&="'\\[]{}<>|^\`$~!* ü`

/** A run of the set-up that has settled the Worker's name. */
function beginWithWorker(accounts: Accounts): void {
  const known: Deployment = { account: ACCOUNT, worker: 'relay-mcp' }
  writeFileSync(accounts.file, JSON.stringify(known))
}

/** Asserts that no secret was printed, and that the token was not saved. */
function expectSecrecy({ supabase, kept }: Accounts, printed: string): void {
  const { SUPABASE_DB_PASSWORD: password = SERVICE_KEY } = kept()
  for (const secret of [supabase.token, SERVICE_KEY, password]) {
    expect(printed).not.toContain(secret)
  }
  expect(JSON.stringify(kept())).not.toContain(supabase.token)
}

test('a new project is created, migrated and deployed to with an access token', async () => {
  await using accounts = await createAccounts({ hasQuickWrangler: true })
  const { supabase } = accounts
  const environment = { ...accounts.environment, SUPABASE_DB_PASSWORD: ODD_PASSWORD }
  using first = inTerminal('setup', [], environment)
  await first.answers('Which relay is this?', '')
  await first.answers('Name of the Worker', '')
  await first.answers('Which Supabase project does the relay use?', '')
  await first.answers('Access token of your Supabase account', SERVICE_KEY)
  await first.sees('This is a key of a project.')
  first.clears()
  first.write(`sbp_${'0'.repeat(40)}\r`)
  await first.sees('Supabase does not accept the access token, which is mistyped')
  await first.answers('Access token of your Supabase account', supabase.token)
  await first.answers('Name of the project', '')
  await first.answers('In which region?', '')
  await first.sees(`Created the project relay-mcp: https://supabase.com/dashboard/project/${REF}`)
  await first.answers('The project relay-mcp is not healthy yet (COMING_UP)', CTRL_C)
  await first.sees('Stopped. Run "npm run setup" again to continue')
  expect(await first.exit).toBe(130)
  expectSecrecy(accounts, first.printed)
  expect(supabase.created).toMatchObject([{ name: 'relay-mcp', db_pass: ODD_PASSWORD }])

  using second = inTerminal('setup', [], environment)
  await second.answers('The Worker relay-mcp, started here earlier', '')
  await second.answers('Access token of your Supabase account', supabase.token)
  await second.sees(`The project ${REF} is healthy`)
  await second.sees('The database needs the SQL. To apply: migrations/001_initial.sql')
  await second.sees('Applied migrations/001_initial.sql')
  await second.sees(', 0 failed.')
  await second.sees(`How to connect each client: ${RELAY_URL}/`)
  expect(await second.exit).toBe(0)
  expectSecrecy(accounts, second.printed)
  expect(supabase.created).toHaveLength(1)
  expect(supabase.statements.slice(1)).toEqual(readMigrations().map(({ sql }) => sql))
  expect(accounts.cloudflare.scripts.get('relay-mcp')).toMatchObject({
    secrets: { SUPABASE_URL: PROJECT_URL, SUPABASE_SERVICE_KEY: SERVICE_KEY },
  })
  expect(accounts.kept().SUPABASE_DB_PASSWORD).toBe(ODD_PASSWORD)
  expect(statSync(accounts.file).mode & 0o777).toBe(0o600)
})

test('a project from the list is used, and a run that was interrupted twice continues', async () => {
  await using accounts = await createAccounts({ hasQuickWrangler: true })
  const { supabase } = accounts
  const same = { name: 'mine', region: 'eu-west-1', organization_slug: 'acme' }
  supabase.projects.push(
    { ...same, ref: 'zyxwvutsrqponmlkjihg', statuses: ['INACTIVE'] },
    { ...same, ref: REF, statuses: ['ACTIVE_HEALTHY'] },
  )
  beginWithWorker(accounts)
  const environment = { ...accounts.environment, ...supabase.signedIn }
  const open = async () => {
    const person = inTerminal('setup', [], environment)
    await person.answers('The Worker relay-mcp, started here earlier', '')
    return person
  }

  using chosen = await open()
  await chosen.answers('Which Supabase project does the relay use?', DOWN)
  await chosen.sees('Which of your projects?')
  await chosen.answers(`mine (${REF})`, DOWN)
  supabase.hold(true)
  await chosen.answers('Applying migrations/001_initial.sql', CTRL_C)
  expect(await chosen.exit).toBe(130)
  expectSecrecy(accounts, chosen.printed)
  supabase.hold(false)
  accounts.cloudflare.hold('PUT scripts')
  using placed = await open()
  await placed.answers('Deploying the Worker', CTRL_C)
  expect(await placed.exit).toBe(130)
  accounts.cloudflare.hold()
  using last = await open()
  await last.sees('The database is up to date')
  await last.sees(', 0 failed.')
  expect(await last.exit).toBe(0)
  expect(accounts.kept()).toMatchObject({ project: REF })
  expect(supabase.created).toEqual([])
})

test('without a terminal, a token revoked in the middle is explained, and the next run continues', async () => {
  await using accounts = await createAccounts({ hasQuickWrangler: true })
  const { supabase } = accounts
  beginWithWorker(accounts)
  const environment = {
    ...accounts.environment,
    ...supabase.signedIn,
    SUPABASE_REGION: 'eu-central-1',
  }
  supabase.revoke('GET projects api-keys')
  const { code, printed } = await inPipe('setup', [], environment)
  expect(printed).toContain('Supabase does not accept the access token, which is mistyped, revoked')
  expect(printed).toContain('Run "npm run setup" again to continue.')
  expect(code).toBe(1)
  expectSecrecy(accounts, printed)
  expect(accounts.kept()).toMatchObject({ project: REF })

  // The token was replaced by another.
  supabase.revoke('never')
  expect(await inPipe('setup', [], environment)).toMatchObject({ code: 0 })
  expect(supabase.created).toHaveLength(1)
})

test('without a network, Supabase is named as unreachable, and nothing is asked again', async () => {
  await using accounts = await createAccounts({ hasQuickWrangler: true })
  beginWithWorker(accounts)
  const { code, printed } = await inPipe('setup', [], {
    ...accounts.environment,
    ...accounts.supabase.signedIn,
    // No stand-in listens there.
    INTERNET_PORT: '9',
  })
  expect(printed).toContain('Supabase cannot be reached, so it did not list your organizations')
  expect(code).toBe(1)
})
