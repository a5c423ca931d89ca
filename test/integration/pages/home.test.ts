/** The page at `/`: who gets it, and the relay's description of itself for it. */
import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { createTestRelay, type TestRelay } from '../../support/relay.ts'

const BROWSER = { accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' }

async function open(relay: TestRelay) {
  const response = await relay.fetch('/', { headers: BROWSER })
  return { response, page: await response.text() }
}

async function greet(relay: TestRelay) {
  const text = await (await relay.fetch('/')).text()
  return { text, greeting: JSON.parse(text) }
}

test('a browser gets the page, everything else a greeting in JSON', async () => {
  await using relay = await createTestRelay()
  const { response, page } = await open(relay)
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8')
  expect(page).toContain('<title>Relay</title>')
  for (const accept of ['*/*', 'application/json', '']) {
    const greeting = await relay.fetch('/', { headers: { accept } })
    expect(await greeting.json()).toMatchObject({ endpoint: '/mcp', url: `${relay.url}/mcp` })
  }
})

test('neither asks the database or shows a value of a setting', async () => {
  await using relay = await createTestRelay({
    bindings: { SUPABASE_SERVICE_KEY: 'sb_secret_hidden' },
  })
  const { page } = await open(relay)
  const { text } = await greet(relay)
  expect(relay.gateway.requests.size).toBe(0)
  for (const value of [relay.key, relay.userId, 'sb_secret_hidden', relay.gateway.url]) {
    expect(page + text).not.toContain(value)
  }
})

test('the page runs only its own script and style, and no site may frame it', async () => {
  await using relay = await createTestRelay()
  const { response, page } = await open(relay)
  const policy = response.headers.get('content-security-policy')
  for (const rule of ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"]) {
    expect(policy).toContain(rule)
  }
  expect(page).not.toMatch(/<script(?![^>]* src=)|<style|\son\w+=/)
  for (const [, file = ''] of page.matchAll(/(?:src|href)="(\/[^"]+)"/g)) {
    expect([file, (await relay.fetch(file)).status]).toEqual([file, 200])
  }
})

test.each([
  ['RELAY_API_KEY', undefined, 'RELAY_API_KEY is missing.'],
  ['RELAY_API_KEY', ' spaced-out '.padEnd(40, 'x '), 'RELAY_API_KEY has white space around it.'],
  ['RELAY_API_KEY', 'x'.repeat(31), 'RELAY_API_KEY must have at least 32 characters'],
  ['RELAY_USER_ID', undefined, 'RELAY_USER_ID is missing.'],
  ['RELAY_USER_ID', 'not-a-uuid', 'RELAY_USER_ID must be a UUID.'],
  ['SUPABASE_URL', undefined, 'SUPABASE_URL is missing.'],
  ['SUPABASE_URL', 'https://abc.supabase.co/rest/v1', 'SUPABASE_URL must be the project URL'],
  ['SUPABASE_SERVICE_KEY', undefined, 'SUPABASE_SERVICE_KEY is missing.'],
  [
    'SUPABASE_SERVICE_KEY',
    'sb_publishable_x',
    'SUPABASE_SERVICE_KEY is the publishable (anon) key',
  ],
])('with %s as %j the greeting names it', async (name, value, sentence) => {
  await using relay = await createTestRelay({ bindings: { [name]: value } })
  const { text, greeting } = await greet(relay)
  expect(greeting.faults).toEqual([{ setting: name, message: expect.stringContaining(sentence) }])
  if (value) expect(text).not.toContain(value)
  expect((await open(relay)).response.status).toBe(200)
})

test('a bad optional setting is named, and the relay works', async () => {
  const bindings = { RELAY_PUBLIC_URL: 'my-relay.test', RELAY_ALLOWED_ORIGINS: '*' }
  await using relay = await createTestRelay({ bindings })
  const { text, greeting } = await greet(relay)
  expect(greeting).toMatchObject({
    faults: [],
    warnings: [
      expect.stringContaining('RELAY_PUBLIC_URL must be an origin'),
      expect.stringContaining('RELAY_ALLOWED_ORIGINS has the entry *'),
    ],
  })
  expect(text).not.toContain('my-relay.test')
  expect((await relay.rpc({ jsonrpc: '2.0', id: 1, method: 'ping' })).status).toBe(200)
})

test('all that is missing is named at once', async () => {
  const none = { RELAY_API_KEY: undefined, RELAY_USER_ID: undefined, SUPABASE_URL: undefined }
  await using relay = await createTestRelay({ bindings: none })
  const { greeting } = await greet(relay)
  const named = greeting.faults.map(({ setting }: { setting: string }) => setting)
  expect(named.toSorted()).toEqual(Object.keys(none).toSorted())
})

test('the greeting has the address that clients are to use', async () => {
  const bindings = { RELAY_PUBLIC_URL: 'https://relay.example.com' }
  await using relay = await createTestRelay({ bindings })
  const { text, greeting } = await greet(relay)
  expect(greeting.url).toBe('https://relay.example.com/mcp')
  expect(text).not.toContain(relay.url)
})

test('the icon is the one of the listings, and may run nothing', async () => {
  await using relay = await createTestRelay()
  const response = await relay.fetch('/icon.svg')
  expect(response.headers.get('content-type')).toBe('image/svg+xml')
  expect(response.headers.get('content-security-policy')).toContain("default-src 'none'")
  expect(await response.text()).toBe(await readFile('icon.svg', 'utf8'))
})
