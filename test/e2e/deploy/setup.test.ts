/** `npm run setup` from a person's view, from the login to the smoke test of the deployed relay. */
import { statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { expect, test } from 'vitest'
import type { Deployment } from '../../../scripts/deploy/deployment.ts'
import { USER as LEGACY_USER } from '../../integration/migrations/calls.ts'
import { legacyWorker, SCHEMA_0_1_0 } from '../../integration/migrations/legacy.ts'
import {
  ANON_KEY,
  createAccounts,
  PROJECT_URL,
  REF,
  RELAY_URL,
  SERVICE_KEY,
  USER,
} from '../../support/accounts.ts'
import { ACCOUNT } from '../../support/cloudflare.ts'
import { CTRL_C, DOWN, inPipe, inTerminal } from '../../support/person.ts'

/** The last of three choices. */
const BY_HAND = DOWN + DOWN

test('a new relay is deployed after wrong answers and an interruption with Ctrl-C', async () => {
  await using accounts = await createAccounts()
  const { cloudflare } = accounts
  const { environment } = accounts

  using first = inTerminal('setup', [], environment)
  await first.answers('Which relay is this?', '')
  await first.answers('Name of the Worker', '')
  await first.answers('Which Supabase project does the relay use?', BY_HAND)
  await first.answers('URL of your Supabase', `https://supabase.com/dashboard/project/${REF}`)
  await first.sees('This is another address of the project.')
  first.clears()
  await first.answers('URL of your Supabase', PROJECT_URL)
  await first.answers('Its secret key', ANON_KEY)
  await first.answers('This is the publishable (anon) key.', 'sb_secret_of_another_project')
  await first.sees('refuses this key')
  await first.answers('Its secret key', SERVICE_KEY)
  await first.answers('Connection string', '')
  await first.sees('Paste all of migrations/001_initial.sql into the SQL editor')
  await first.sees(`https://supabase.com/dashboard/project/${REF}/sql/new`)
  await first.answers('Waiting for the API of the project', CTRL_C)
  await first.sees('■  Waiting for the API of the project')
  await first.sees('Stopped. Run "npm run setup" again to continue')
  expect(await first.exit).toBe(130)
  expect(first.printed).not.toContain(SERVICE_KEY)
  expect(cloudflare.scripts.size).toBe(0)

  await accounts.runMigrations()
  using second = inTerminal('setup', [], environment)
  await second.answers('The Worker relay-mcp, started here earlier', '')
  await second.sees(`Using the project ${PROJECT_URL}.`)
  await second.sees('The database is up to date')
  await second.sees(', 0 failed.')
  await second.sees(`How to connect each client: ${RELAY_URL}/`)
  expect(await second.exit).toBe(0)

  const { RELAY_API_KEY: key = '', RELAY_USER_ID: user } = accounts.kept()
  expect(key).toMatch(/^[\w-]{43}$/)
  expect(second.printed).toContain(`\n${key}\r\n`)
  const { RELAY_KEY: machineKey = '' } = accounts.kept()
  expect(second.printed).toContain(`--header "Authorization: Bearer ${machineKey}"`)
  expect(await accounts.statusFor(machineKey)).toBe(200)
  expect(cloudflare.scripts.get('relay-mcp')).toMatchObject({
    secrets: {
      RELAY_API_KEY: key,
      RELAY_USER_ID: user,
      SUPABASE_URL: PROJECT_URL,
      SUPABASE_SERVICE_KEY: SERVICE_KEY,
    },
    crons: ['*/2 * * * *'],
    // As set in wrangler.toml: earlier versions, with their old secrets, have no URL.
    subdomain: { enabled: true, previews_enabled: false },
  })
  expect(statSync(accounts.file).mode & 0o777).toBe(0o600)
})

test('relay-mcp 0.1.0 is taken over with its threads and its name, and its short key is replaced', async () => {
  await using accounts = await createAccounts({ hasQuickWrangler: true })
  const { database, cloudflare, environment } = accounts
  const owner = await database.connect('postgres')
  await owner.query(SCHEMA_0_1_0)
  const thread = await legacyWorker(owner).open('from before')
  await legacyWorker(owner).post(thread, 'Hello from 0.1.0.')
  await accounts.deployLegacyRelay('a-key-of-0.1.0-short')
  // Supabase has a limit too, which the upgrade of many messages would reach.
  await owner.query(`alter database ${database.connection.database} set statement_timeout = '1ms'`)

  using person = inTerminal('setup', [], { ...environment, DATABASE_URL: accounts.databaseUrl })
  await person.sees('Which relay is this?')
  await person.answers('An existing one', DOWN)
  await person.answers('Its address, as set in your clients', `${RELAY_URL}/mcp`)
  await person.answers('Name of its Worker (Enter: relay-mcp)', '')
  await person.answers('Its key', 'a-wrong-key')
  await person.sees('refuses this key')
  await person.answers('Its key', 'a-key-of-0.1.0-short')
  await person.answers('Which Supabase project does the relay use?', BY_HAND)
  await person.answers('URL of your Supabase', PROJECT_URL)
  await person.answers('Its secret key', SERVICE_KEY)
  await person.sees('Using DATABASE_URL from the environment.')
  await person.sees('The database already has 1 threads. This relay will use them.')
  await person.sees('The key has fewer than 32 characters')
  // Asked before anything is deployed: until then every client keeps working.
  expect(await accounts.statusFor('a-key-of-0.1.0-short')).toBe(200)
  await person.answers('Replace it now?', '')
  await person.sees('Set another key in every client that sends the old one')
  await person.sees('claude mcp remove relay --scope user')
  await person.sees('claude mcp add --scope user')
  await person.sees(`How to connect each client: ${RELAY_URL}/`)
  expect(await person.exit).toBe(0)

  const { RELAY_API_KEY: key = '', RELAY_KEY: ownKey, RELAY_USER_ID: user } = accounts.kept()
  expect(person.printed.split('claude mcp add')).toHaveLength(2)
  expect(person.printed).toContain(`Bearer ${ownKey}"`)
  expect(person.printed).not.toContain(`Bearer ${key}`)
  expect(user).toBe(LEGACY_USER)
  expect(key).toMatch(/^[\w-]{43}$/)
  expect(cloudflare.scripts.get('relay-mcp')?.secrets).not.toHaveProperty('RELAY_API_KEY_PREVIOUS')
  const read = await accounts.call(key, 'relay_read_thread', { thread_name: 'from before' })
  expect(read.structuredContent.messages).toMatchObject([{ content: 'Hello from 0.1.0.', seq: 1 }])
  expect(await accounts.statusFor('a-key-of-0.1.0-short')).toBe(401)
})

test('without a terminal, answers come from the environment, and a second run keeps a rotated key', async () => {
  await using accounts = await createAccounts({ hasQuickWrangler: true })
  const { cloudflare } = accounts
  const environment = {
    ...accounts.environment,
    SUPABASE_URL: PROJECT_URL,
    SUPABASE_SERVICE_KEY: SERVICE_KEY,
    DATABASE_URL: accounts.databaseUrl,
    RELAY_WORKER: 'my-relay',
    RELAY_USER_ID: USER,
  }
  const first = await inPipe('setup', [], environment)
  expect(first).toMatchObject({ code: 0 })
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what must not be there.
  expect(first.printed).not.toMatch(/\x1b/)
  expect(first.printed).not.toContain('eyJ')
  expect(first.printed).toContain('https://my-relay.person.workers.dev/')
  const { secrets } = cloudflare.scripts.get('my-relay') ?? {}
  expect(secrets).toMatchObject({ RELAY_USER_ID: USER })

  // Rotated from elsewhere meanwhile, with what is kept here as the previous key.
  await cloudflare.install('my-relay', cloudflare.scripts.get('my-relay')?.bundle as never, {
    ...secrets,
    RELAY_API_KEY: 'a-key-from-elsewhere-that-is-long-enough',
    RELAY_API_KEY_PREVIOUS: secrets?.RELAY_API_KEY ?? '',
  })
  const second = await inPipe('setup', [], accounts.environment)
  expect(second).toMatchObject({ code: 0 })
  expect(second.printed).toContain('Its previous key, which stops working')
  expect(cloudflare.scripts.get('my-relay')?.secrets).toEqual({
    ...secrets,
    RELAY_API_KEY: 'a-key-from-elsewhere-that-is-long-enough',
    RELAY_API_KEY_PREVIOUS: secrets?.RELAY_API_KEY,
  })
})

test('a missing login is reported before any question', async () => {
  await using accounts = await createAccounts({ hasQuickWrangler: true })
  const environment = { ...accounts.environment, CLOUDFLARE_API_TOKEN: undefined }
  // Where wrangler keeps a login.
  const nobody = { HOME: dirname(accounts.file), XDG_CONFIG_HOME: dirname(accounts.file) }
  using person = inTerminal('setup', [], { ...environment, ...nobody })
  await person.sees('You are not logged in to Cloudflare: run "npx wrangler login"')
  expect(await person.exit).toBe(1)
  expect(person.printed).not.toContain('?')
  expect(accounts.kept()).toEqual({})
})

test('without a terminal, a missing answer is named', async () => {
  await using accounts = await createAccounts({ hasQuickWrangler: true })
  writeFileSync(accounts.file, JSON.stringify({ worker: 'relay-mcp' }))
  const { code, printed } = await inPipe('setup', [], accounts.environment)
  expect(code).toBe(1)
  expect(printed).toContain('SUPABASE_URL must be set.')
})

test('with rows of several users, RELAY_USER_ID must be set', async () => {
  await using accounts = await createAccounts({ hasQuickWrangler: true })
  await accounts.runMigrations()
  for (const user of [USER, LEGACY_USER]) {
    await accounts.database.call('relay_create_thread', { p_user_id: user, p_name: 'mine' })
  }
  const known: Deployment = {
    worker: 'relay-mcp',
    SUPABASE_URL: PROJECT_URL,
    SUPABASE_SERVICE_KEY: SERVICE_KEY,
  }
  writeFileSync(accounts.file, JSON.stringify(known))
  const { code, printed } = await inPipe('setup', [], accounts.environment)
  expect(code).toBe(1)
  expect(printed).toContain('threads of several users: set RELAY_USER_ID to one of them.')
})

test('an account without a workers.dev subdomain gets the address to choose one', async () => {
  await using accounts = await createAccounts()
  await accounts.runMigrations()
  const known: Deployment = {
    worker: 'relay-mcp',
    SUPABASE_URL: PROJECT_URL,
    SUPABASE_SERVICE_KEY: SERVICE_KEY,
    RELAY_USER_ID: USER,
  }
  writeFileSync(accounts.file, JSON.stringify(known))
  accounts.cloudflare.fail('GET subdomain', 10007)
  const { code, printed } = await inPipe('setup', [], accounts.environment)
  expect(code).toBe(1)
  expect(printed).toContain(`https://dash.cloudflare.com/${ACCOUNT}/workers/onboarding`)
  expect(printed).not.toContain('Output of wrangler')
})

test('an existing Worker of the same name is not overwritten', async () => {
  await using accounts = await createAccounts({ hasQuickWrangler: true })
  await accounts.deployRelay('a-key-of-these-tests-that-is-long-enough')
  const { code, printed } = await inPipe('setup', [], accounts.environment)
  expect(code).toBe(1)
  expect(printed).toContain('This account already has a Worker relay-mcp.')
  expect(accounts.cloudflare.requests.filter((request) => !request.startsWith('GET'))).toEqual([])
})

test('--dry-run lists the steps without asking or changing anything', async () => {
  await using accounts = await createAccounts({ hasQuickWrangler: true })
  const { code, printed } = await inPipe('setup', ['--dry-run'], accounts.environment)
  expect(code).toBe(0)
  expect(printed.match(/^\d\. /gm)).toHaveLength(7)
  expect(accounts.cloudflare.requests).toEqual([])
  expect(accounts.kept()).toEqual({})
})
