/** `npm run doctor` against each failure it knows, provoked. */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { examine, type Result } from '../../../scripts/checks/check.ts'
import { DOCTOR } from '../../../scripts/checks/list.ts'
import { createSubject, type Subject } from '../../../scripts/checks/subject.ts'
import { SCHEMA_0_1_0 } from '../../integration/migrations/legacy.ts'
import { type Fault, startFaults } from '../../support/faults.ts'
import { type Intercepted, type ProxyOptions, startProxy } from '../../support/proxy.ts'
import { createTestRelay, type TestRelay } from '../../support/relay.ts'

const run = promisify(execFile)
const RELAY = fileURLToPath(new URL('../../../scripts/relay.ts', import.meta.url))
const CHECKS = DOCTOR.flatMap(({ checks }) => checks)
const OTHER_USER = 'aaaaaaaa-0000-4000-8000-000000000000'

interface Relay {
  url: string
  key: string
}

/** Returns the result of every check. */
async function runChecks({ url, key }: Relay, changes: Partial<Subject> = {}): Promise<Result[]> {
  const subject = { ...createSubject({ url: new URL(url), key }), ...changes }
  const all: Result[] = []
  for await (const { results } of examine(DOCTOR, subject)) all.push(...results)
  return all
}

/** Returns the problems, by outcome and id. */
async function findFaults(relay: Relay, changes?: Partial<Subject>): Promise<string[]> {
  return listFaults(await runChecks(relay, changes))
}

function listFaults(checks: Result[]): string[] {
  const wrong = checks.filter(({ outcome }) => outcome === 'failed' || outcome === 'warning')
  return wrong.map(({ outcome, id }) => `${outcome} ${id}`).filter((one) => !ACCIDENTS.test(one))
}

/** The machine that runs the tests may be slow. */
const ACCIDENTS = /database\.round-trip/

/** Runs the doctor in an empty folder that is its home too. */
async function doctor(environment: Record<string, string>) {
  const folder = await mkdtemp(join(tmpdir(), 'relay-doctor-'))
  try {
    const env = { PATH: process.env.PATH ?? '', HOME: folder, ...environment }
    const ended = await run(process.execPath, [RELAY, 'doctor', '--json'], {
      cwd: folder,
      env,
    }).then(
      ({ stdout }) => ({ code: 0, stdout }),
      ({ code, stdout }) => ({ code, stdout }),
    )
    return { code: ended.code, report: JSON.parse(ended.stdout) }
  } finally {
    await rm(folder, { recursive: true })
  }
}

const environmentOf = ({ url, key }: Relay) => ({ RELAY_URL: url, RELAY_API_KEY: key })

test('a healthy relay has no faults, and the doctor leaves only a connection that it cut off', async () => {
  await using relay = await createTestRelay()
  await relay.call('relay_post_message', { thread_name: 'a', content: 'x', surface: 'code' })
  relay.gateway.requests.clear()
  expect(await findFaults(relay)).toEqual([])
  expect(Object.fromEntries(relay.gateway.requests)).toEqual({
    relay_status: 3,
    relay_list_threads: 1,
    relay_use_grant: 2,
    relay_manage: 1,
  })
  const owner = await relay.database.connect('postgres')
  const { rows } = await owner.query(
    `select name, revoked_at is null as is_good from relay_connections where gid <> 'key'`,
  )
  expect(rows).toEqual([{ name: 'relay-mcp doctor', is_good: false }])
})

const page = (status: number, body: string): ProxyOptions => ({
  intercept: () => ({ status, headers: { 'content-type': 'text/html' }, body }),
})
const at =
  (path: string, answer: Intercepted): ProxyOptions['intercept'] =>
  ({ url }) =>
    url === path ? answer : undefined
const asClaude =
  (path: string): ProxyOptions['intercept'] =>
  ({ url, headers }) =>
    url === path && headers['user-agent'] === 'Claude-User' ? { status: 403 } : undefined
const elsewhere = { status: 308, headers: { location: 'https://www.example.com/mcp' } }

let addresses = 0

test.each<[string, string, ProxyOptions]>([
  ['a DNS name without an origin', 'dns', page(530, '<html>error code: 1016</html>')],
  ['a tunnel that is down', 'dns', page(530, '<html>error code: 1033</html>')],
  ['an origin that is down', 'reachable', page(522, '<html>error code: 522</html>')],
  ['another site', 'relay', page(200, '<h1>Welcome</h1>')],
  ['a policy that asks for a login', 'relay', page(403, '<h1>Access</h1>')],
  ['a rule that redirects everything', 'relay', { intercept: () => elsewhere }],
  [
    'relay-mcp 0.1.0',
    'version',
    {
      intercept: ({ url }) =>
        url === '/health'
          ? { status: 200, body: { ok: true, service: 'relay-mcp', version: '0.1.0' } }
          : { status: 401, body: { error: 'unauthorized' } },
    },
  ],
  ['a rule that redirects /mcp', 'endpoint', { intercept: at('/mcp', elsewhere) }],
  ['a rule that blocks /mcp', 'endpoint', { intercept: at('/mcp', { status: 403 }) }],
  ['a rule against Claude-User', 'claude-user', { intercept: asClaude('/mcp') }],
  [
    'a rule against Claude-User in part',
    'claude-user',
    { intercept: asClaude('/.well-known/oauth-protected-resource/mcp') },
  ],
  [
    'a filter of the headers of 2026-07-28',
    'era.modern',
    { intercept: ({ headers }) => (headers['mcp-method'] ? { status: 400, body: {} } : undefined) },
  ],
  [
    'a filter of requests without those headers',
    'era.legacy',
    {
      intercept: ({ url, headers }) =>
        url === '/mcp' && headers.authorization && !headers['mcp-method']
          ? { status: 400, body: { error: { message: 'upgrade' } } }
          : undefined,
    },
  ],
  [
    'metadata of another address',
    'oauth.issuer',
    {
      intercept: at('/.well-known/oauth-authorization-server', {
        status: 200,
        body: { issuer: 'https://other.example' },
      }),
    },
  ],
  [
    'an unreachable token endpoint',
    'oauth.round-trip',
    { intercept: at('/token', { status: 502 }) },
  ],
  [
    'too many wrong keys before',
    'key',
    {
      intercept: ({ url, headers }) =>
        url === '/health' && headers.authorization ? { status: 429, body: {} } : undefined,
    },
  ],
])('%s: %s', async (_, id, options) => {
  await using relay = await createTestRelay()
  // Each has its own address, because all of them register a client.
  addresses += 1
  const headers = { 'cf-connecting-ip': `203.0.113.${addresses}` }
  await using proxy = await startProxy(relay.url, { headers, ...options })
  expect(await findFaults({ url: proxy.url, key: relay.key })).toEqual([`failed ${id}`])
})

test('a closed port: reachable', async () => {
  expect(await findFaults(await createNobody())).toEqual(['failed reachable'])
})

/** Returns the address of a port that was just closed. */
async function createNobody(): Promise<Relay> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return { url: `http://127.0.0.1:${port}`, key: 'k' }
}

test.each([
  ['an unknown name', 'https://relay.invalid', 'dns'],
  ['the address of another path', 'https://relay.invalid/api', 'url'],
  ['plain http', 'http://relay.invalid', 'url'],
])('%s: %s is %s', async (_, url, id) => {
  const checks = await runChecks({ url, key: 'k' })
  expect(listFaults(checks)).toEqual([`failed ${id}`])
  expect(checks).toContainEqual({
    id: 'tool-call',
    outcome: 'unknown',
    seen: `Not checked: it needs ${id}.`,
  })
})

const PUBLIC_JWT = `${btoa('{"alg":"HS256"}')}.${btoa('{"role":"anon"}')}.x`

/** With one of these settings missing or malformed, the relay rejects every request. */
const REQUIRED = new Set(['RELAY_API_KEY', 'RELAY_USER_ID', 'SUPABASE_URL', 'SUPABASE_SERVICE_KEY'])

test.each<Record<string, string | undefined>>([
  {
    RELAY_API_KEY: undefined,
    RELAY_USER_ID: undefined,
    SUPABASE_URL: undefined,
    SUPABASE_SERVICE_KEY: undefined,
  },
  {
    RELAY_API_KEY: ' with-white-space-around-it\n',
    RELAY_USER_ID: 'me',
    SUPABASE_URL: 'https://abcdefgh.supabase.co/rest/v1',
    SUPABASE_SERVICE_KEY: 'sb_publishable_x',
    RELAY_API_KEY_PREVIOUS: 'short',
    RELAY_PUBLIC_URL: 'https://relay.example.com/relay',
    RELAY_ALLOWED_ORIGINS: 'example.com',
    RELAY_NOTIFY_URL: 'ntfy.sh/topic',
    RELAY_NOTIFY_FOR: ',',
  },
  { SUPABASE_SERVICE_KEY: PUBLIC_JWT },
  { RELAY_API_KEY: 'k'.repeat(31) },
])('settings like %j are named, with the command to fix each', async (bindings) => {
  await using relay = await createTestRelay({ bindings })
  const names = Object.keys(bindings)
  const asked = { url: relay.url, key: 'a-key' }
  const deployed = await runChecks(asked, { isLocal: false })
  const expected = names.map(
    (name) => `${REQUIRED.has(name) ? 'failed' : 'warning'} settings.${name}`,
  )
  expect(listFaults(deployed).toSorted()).toEqual(expected.toSorted())
  for (const name of names) {
    const fix = deployed.find(({ id }) => id === `settings.${name}`)?.fix
    expect(fix?.[0]).toBe(`npx wrangler secret put ${name}`)
  }
  const [local] = (await runChecks(asked)).filter(({ outcome }) => outcome === 'failed')
  expect(local?.fix?.[0]).toContain(`${names[0]}=… in .dev.vars`)
})

test('a bad optional setting of a working relay is a warning, shown only with the key', async () => {
  const bindings = { RELAY_ALLOWED_ORIGINS: 'https://good.example, *, example.com' }
  await using relay = await createTestRelay({ bindings })
  const checks = await runChecks(relay)
  expect(listFaults(checks)).toEqual(['warning settings.RELAY_ALLOWED_ORIGINS'])
  const { seen } = checks.find(({ id }) => id === 'settings.RELAY_ALLOWED_ORIGINS') as Result
  expect(seen).toMatch(/the entry \*.* number 3/)

  const wrong = await runChecks({ url: relay.url, key: 'a-wrong-key-of-the-right-length' })
  expect(wrong).toContainEqual({
    id: 'settings.RELAY_ALLOWED_ORIGINS',
    outcome: 'unknown',
    seen: 'Not checked: it needs key.',
  })
})

const AWAY: [string, Fault][] = [
  ['failed database.reachable', 'refuse'],
  ['failed database.reachable', { status: 540, body: 'paused' }],
  ['failed database.reachable', { status: 530, body: 'error code: 1016' }],
  ['failed database.reachable', { status: 402, body: '{"message":"restricted"}' }],
  ['failed database.reachable', 'empty-404'],
  ['failed database.reachable', { status: 200, body: '<html>' }],
  ['failed database.key', { status: 401, body: '{"message":"Invalid API key"}' }],
]

test('a database that is unreachable, paused, deleted, restricted, something else or locked', async () => {
  await using faults = await startFaults()
  await using relay = await createTestRelay({ faults })
  for (const [fault, how] of AWAY) {
    await faults.always(how)
    expect(await findFaults(relay), JSON.stringify(how)).toEqual([fault])
  }
})

test('a database that is far away is a warning', async () => {
  await using faults = await startFaults()
  await using relay = await createTestRelay({ faults })
  await faults.always({ delay: 200 })
  const far = (await runChecks(relay)).find(({ id }) => id === 'database.round-trip')
  expect(far).toMatchObject({ outcome: 'warning', seen: expect.stringMatching(/\d{3} ms/) })
})

test.each<[string, string, (relay: TestRelay) => Promise<unknown>]>([
  ['an empty project', 'failed database.migration', async () => {}],
  [
    'only the tables of 0.1.0',
    'failed database.migration',
    ({ database }) => database.pool(1, 'postgres').query(SCHEMA_0_1_0),
  ],
])('%s: %s', async (_, fault, prepare) => {
  await using relay = await createTestRelay({ empty: true })
  await prepare(relay)
  expect(await findFaults(relay)).toEqual([fault])
})

const sql = (statement: string) => (relay: TestRelay) =>
  relay.database.pool(1, 'postgres').query(`${statement}; notify pgrst`)

const OLDER_FUNCTION = `drop function relay_archive_thread;
  create function relay_archive_thread(p_user_id uuid, p_thread_name text) returns jsonb
    language sql as 'select null::jsonb'`
const STATUS_TWICE = `create function relay_status(p_user_id uuid, p_more text default '')
  returns jsonb language sql as 'select null::jsonb'`

test.each<[string, string, (relay: TestRelay) => Promise<unknown>]>([
  ['a missing function', 'failed database.migration', sql('drop function relay_post_message')],
  ['a function that takes other arguments', 'failed database.migration', sql(OLDER_FUNCTION)],
  ['a status function that exists twice', 'failed database.migration', sql(STATUS_TWICE)],
  [
    'an older version',
    'failed database.migration',
    sql(`alter function relay_status rename to relay_status_today;
      create function relay_status(p_user_id uuid) returns jsonb language sql
        as $$ select relay_status_today(p_user_id) || '{"schema_version": 0}' $$`),
  ],
  [
    'no grants',
    'failed database.grants',
    sql('revoke execute on all functions in schema public from service_role'),
  ],
  [
    'one missing grant',
    'failed database.grants',
    sql('revoke execute on function relay_post_message from service_role'),
  ],
  [
    'tables without grants',
    'failed database.grants',
    sql('revoke all on relay_threads from service_role'),
  ],
  [
    "only another user's threads",
    'failed user',
    sql(`insert into relay_threads (user_id, name) values ('${OTHER_USER}', 'theirs')`),
  ],
  [
    "another user's threads in addition to one's own",
    'warning user',
    async (relay) => {
      await relay.call('relay_create_thread', { name: 'mine' })
      await sql(`insert into relay_threads (user_id, name) values ('${OTHER_USER}', 'theirs')`)(
        relay,
      )
    },
  ],
  [
    'a wrong clock of the database',
    'failed clock',
    sql(`alter function relay_status rename to relay_status_today;
      create function relay_status(p_user_id uuid) returns jsonb language sql
        as $$ select relay_status_today(p_user_id)
          || jsonb_build_object('now', now() - interval '1 hour') $$;
      grant execute on function relay_status to service_role`),
  ],
])('%s: %s', async (_, fault, prepare) => {
  await using relay = await createTestRelay({})
  await prepare(relay)
  expect(await findFaults(relay)).toEqual([fault])
})

test('a relay with another public address', async () => {
  const bindings = { RELAY_PUBLIC_URL: 'https://relay.example.com' }
  await using relay = await createTestRelay({ bindings })
  expect(await findFaults(relay)).toEqual(['failed oauth.issuer'])
})

test('unbound rate limits and a wrong clock on this machine are warnings', async () => {
  await using relay = await createTestRelay()
  const headers = { authorization: `Bearer ${relay.key}` }
  const told = (await (await relay.fetch('/health', { headers })).json()) as object
  const now = new Date(Date.now() - 3_600_000)
  await using proxy = await startProxy(relay.url, {
    intercept: ({ url, headers: { host, authorization } }) => {
      if (url !== '/health' || !authorization) return undefined
      const body = { ...told, issuer: `http://${host}`, rate_limits: false, now }
      return { status: 200, body }
    },
  })
  const relayThere = { url: proxy.url, key: relay.key }
  expect(await findFaults(relayThere)).toEqual(['warning clock', 'warning rate-limits'])
})

test('another version is a warning', async () => {
  await using relay = await createTestRelay()
  expect(await findFaults(relay, { version: '0.3.0' })).toEqual(['warning version'])
})

test('as a process: exit code 0 and a document without the key for a healthy relay', async () => {
  await using relay = await createTestRelay()
  const { code, report } = await doctor(environmentOf(relay))
  expect(code).toBe(0)
  expect(report).toMatchObject({ target: relay.url, ok: true })
  expect(report.checks.map(({ id }: Result) => id)).toEqual(CHECKS.map(({ id }) => id))
  expect(JSON.stringify(report)).not.toContain(relay.key)
})

test.each([
  ['wrong', (_: string) => 'wrong', 'key'],
  ['with white space', (key: string) => ` ${key}\n`, 'key.shape'],
  ['in quotes', (key: string) => `"${key}"`, 'key.shape'],
  ['after Bearer', (key: string) => `Bearer ${key}`, 'key.shape'],
  ['with invisible characters', (key: string) => `${key}\u200b`, 'key.shape'],
])('as a process: exit code 1 for a key that is %s', async (_, change, id) => {
  await using relay = await createTestRelay()
  const given = change(relay.key)
  const { code, report } = await doctor({ RELAY_URL: relay.url, RELAY_API_KEY: given })
  expect(code).toBe(1)
  expect(listFaults(report.checks)).toEqual([`failed ${id}`])
  expect(report.checks.find((check: Result) => check.id === id)).toEqual({
    id,
    outcome: 'failed',
    seen: expect.stringMatching(/\.$/),
    why: expect.stringMatching(/\.$/),
    fix: expect.arrayContaining([expect.stringContaining('RELAY_API_KEY')]),
  })
})

test.each([
  [{ RELAY_URL: 'https://relay.example.com' }, 'RELAY_API_KEY'],
  [{ RELAY_URL: 'relay', RELAY_API_KEY: 'k' }, 'RELAY_URL'],
  [{ SUPABASE_URL: 'https://abc.supabase.co' }, 'SUPABASE_SERVICE_KEY'],
])('as a process: exit code 2 for %j', async (environment, name) => {
  const { code, report } = await doctor(environment)
  expect(code).toBe(2)
  expect(report).toEqual({ ok: false, message: expect.stringContaining(name) })
})

test('docs/troubleshooting.md names every check and no others', async () => {
  const path = new URL('../../../docs/troubleshooting.md', import.meta.url)
  const tables = (await readFile(path, 'utf8')).split('\n\n').filter((text) => text.startsWith('|'))
  const rows = tables.map((table) => table.split('\n').map((row) => row.split('|')[2] ?? ''))
  const cells = rows.filter(([header]) => header?.trim() === 'check').flat()
  const named = cells.flatMap((cell) => [...cell.matchAll(/`([\w.-]+)`/g)].map(([, id]) => id))
  expect([...new Set(named)].toSorted()).toEqual(CHECKS.map(({ id }) => id).toSorted())
})
