/** `npm run setup` as a person meets it, from the login to the smoke test of what was deployed. */
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test, vi } from 'vitest'
import type { Deployment } from '../../../scripts/deploy/deployment.ts'
import { readMigrations } from '../../../scripts/lib/migrations.ts'
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

// Each run starts wrangler several times, and each start costs seconds where others work too.
vi.setConfig({ testTimeout: 120_000 })

/** A command for the clipboard that keeps what it is given in a file beside it. */
function fakeClipboard(folder: string) {
  mkdirSync(join(folder, 'bin'))
  const program = join(folder, 'bin', 'wl-copy')
  writeFileSync(program, `#!/bin/sh\ncat > '${folder}/clipboard'\n`)
  chmodSync(program, 0o755)
  return {
    environment: { WAYLAND_DISPLAY: 'test', PATH: `${join(folder, 'bin')}:${process.env.PATH}` },
    text: () => readFileSync(join(folder, 'clipboard'), 'utf8'),
  }
}

test('a new relay: wrong answers are told, Ctrl-C keeps the right ones, and in the end it is up', async () => {
  await using accounts = await createAccounts()
  const { cloudflare } = accounts
  const clipboard = fakeClipboard(dirname(accounts.file))
  const environment = { ...accounts.environment, ...clipboard.environment }

  using first = inTerminal('setup', [], environment)
  await first.answers('Which relay is this?', '')
  await first.answers('Name of the Worker', '')
  await first.answers('URL of your Supabase', `https://supabase.com/dashboard/project/${REF}`)
  await first.sees(`The project URL is ${PROJECT_URL}.`)
  first.clears()
  await first.answers('URL of your Supabase', PROJECT_URL)
  await first.answers('Its secret key', ANON_KEY)
  await first.answers('This is the publishable (anon) key.', 'sb_secret_of_another_project')
  await first.sees('refuses this key')
  await first.answers('Its secret key', SERVICE_KEY)
  await first.answers('Connection string', '')
  await first.sees('Paste the SQL, which is in your clipboard,')
  await first.sees(`https://supabase.com/dashboard/project/${REF}/sql/new`)
  expect(clipboard.text()).toContain(readMigrations()[0]?.sql)
  await first.answers('Waiting for the project to see it', CTRL_C)
  await first.sees('■  Waiting for the project to see it')
  await first.sees('Stopped. Run "npm run setup" again to continue')
  expect(await first.exit).toBe(130)
  expect(first.printed).not.toContain(SERVICE_KEY)
  expect(cloudflare.scripts.size).toBe(0)

  await accounts.runMigrations()
  using second = inTerminal('setup', [], environment)
  await second.answers('The Worker relay-mcp, begun here earlier', '')
  await second.sees(`Continuing with the project ${PROJECT_URL}.`)
  await second.sees('Everything is there')
  await second.sees(', 0 failed.')
  await second.sees(`How to connect each client: ${RELAY_URL}/`)
  expect(await second.exit).toBe(0)

  const { RELAY_API_KEY: key = '', RELAY_USER_ID: user } = accounts.kept()
  expect(key).toMatch(/^[\w-]{43}$/)
  expect(second.printed).toContain(`\n${key}\r\n`)
  expect(cloudflare.scripts.get('relay-mcp')).toMatchObject({
    secrets: {
      RELAY_API_KEY: key,
      RELAY_USER_ID: user,
      SUPABASE_URL: PROJECT_URL,
      SUPABASE_SERVICE_KEY: SERVICE_KEY,
    },
    crons: ['17 5 * * *'],
    // As wrangler.toml says: earlier versions, with the secrets they had, have no URL.
    subdomain: { enabled: true, previews_enabled: false },
  })
  expect(statSync(accounts.file).mode & 0o777).toBe(0o600)
})

test('relay-mcp 0.1.0 is taken over: its threads, its name, and its short key until that is ended', async () => {
  await using accounts = await createAccounts()
  const { database, cloudflare, environment } = accounts
  const owner = await database.connect('postgres')
  await owner.query(SCHEMA_0_1_0)
  const thread = await legacyWorker(owner).open('from before')
  await legacyWorker(owner).post(thread, 'Hello from 0.1.0.')
  await accounts.deployRelay('a-key-of-0.1.0-short')
  // Supabase has a limit too, which the upgrade of many messages would reach.
  await owner.query(`alter database ${database.connection.database} set statement_timeout = '1ms'`)

  using person = inTerminal('setup', [], { ...environment, DATABASE_URL: accounts.databaseUrl })
  await person.sees('Which relay is this?')
  await person.answers('An existing one', DOWN)
  await person.answers('Its address, as your clients know it', `${RELAY_URL}/mcp`)
  await person.answers('Name of its Worker (Enter: relay-mcp)', '')
  await person.answers('Its key', 'a-wrong-key')
  await person.sees('refuses this key')
  await person.answers('Its key', 'a-key-of-0.1.0-short')
  await person.answers('URL of your Supabase', PROJECT_URL)
  await person.answers('Its secret key', SERVICE_KEY)
  await person.sees('DATABASE_URL is taken from the environment.')
  await person.sees('Existing messages, which are kept: 1.')
  await person.sees('(threads: 1, messages: 1): this relay continues with them.')
  await person.sees('The key has fewer than 32 characters')
  await person.answers('What do you want to do with it?', '')
  await person.sees(`How to connect each client: ${RELAY_URL}/`)
  expect(await person.exit).toBe(0)

  const { RELAY_API_KEY: key = '', RELAY_USER_ID: user } = accounts.kept()
  expect(user).toBe(LEGACY_USER)
  expect(cloudflare.scripts.get('relay-mcp')?.secrets.RELAY_API_KEY_PREVIOUS).toBe(
    'a-key-of-0.1.0-short',
  )
  const read = await accounts.call(key, 'relay_read_thread', { thread_name: 'from before' })
  expect(read.structuredContent.messages).toMatchObject([{ content: 'Hello from 0.1.0.', seq: 1 }])
  expect(await accounts.statusFor('a-key-of-0.1.0-short')).toBe(200)
})

test('without a terminal, the environment answers, and a second run deploys the same again', async () => {
  await using accounts = await createAccounts()
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
  expect(cloudflare.scripts.get('my-relay')?.secrets).toEqual({
    ...secrets,
    RELAY_API_KEY: 'a-key-from-elsewhere-that-is-long-enough',
    RELAY_API_KEY_PREVIOUS: secrets?.RELAY_API_KEY,
  })
})

test('a missing login is said before anything is asked', async () => {
  await using accounts = await createAccounts()
  const environment = { ...accounts.environment, CLOUDFLARE_API_TOKEN: undefined }
  // Where wrangler keeps a login.
  const nobody = { HOME: dirname(accounts.file), XDG_CONFIG_HOME: dirname(accounts.file) }
  using person = inTerminal('setup', [], { ...environment, ...nobody })
  await person.sees('You are not logged in to Cloudflare: run "npx wrangler login"')
  expect(await person.exit).toBe(1)
  expect(person.printed).not.toContain('?')
  expect(accounts.kept()).toEqual({})
})

test('where nobody can be asked, what is missing is named', async () => {
  await using accounts = await createAccounts()
  writeFileSync(accounts.file, JSON.stringify({ worker: 'relay-mcp' }))
  const { code, printed } = await inPipe('setup', [], accounts.environment)
  expect(code).toBe(1)
  expect(printed).toContain('set SUPABASE_URL.')
})

test('rows of several users are not guessed at', async () => {
  await using accounts = await createAccounts()
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
  expect(printed).toContain(`set RELAY_USER_ID to one of ${USER}, ${LEGACY_USER}.`)
})

test('an account without a name on workers.dev is told where to choose one', async () => {
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
  expect(printed).not.toContain('wrangler says')
})

test('a Worker of that name is not deployed over', async () => {
  await using accounts = await createAccounts()
  await accounts.deployRelay('a-key-of-these-tests-that-is-long-enough')
  const { code, printed } = await inPipe('setup', [], accounts.environment)
  expect(code).toBe(1)
  expect(printed).toContain('There is a Worker relay-mcp in this account.')
  expect(accounts.cloudflare.requests.filter((request) => !request.startsWith('GET'))).toEqual([])
})

test('--dry-run shows the steps, and neither asks nor does anything', async () => {
  await using accounts = await createAccounts()
  const { code, printed } = await inPipe('setup', ['--dry-run'], accounts.environment)
  expect(code).toBe(0)
  expect(printed.match(/^\d\. /gm)).toHaveLength(7)
  expect(accounts.cloudflare.requests).toEqual([])
  expect(accounts.kept()).toEqual({})
})
