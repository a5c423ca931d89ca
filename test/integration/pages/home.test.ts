/** The page at `/`: who gets it, what it says of the settings, and whether what it shows can be pasted. */
import { spawnSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { parse as parseToml } from 'smol-toml'
import { expect, test } from 'vitest'
import { parse as parseYaml } from 'yaml'
import { type ConnectGuide, connectGuides } from '../../../src/pages/connect-guides.ts'
import { homePage } from '../../../src/pages/home.ts'
import { createTestRelay, type TestRelay } from '../../support/relay.ts'

const URL_OF_RELAY = 'https://relay.example.workers.dev/mcp'
const BROWSER = { accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' }

async function open(relay: TestRelay) {
  const response = await relay.fetch('/', { headers: BROWSER })
  return { response, page: await response.text() }
}

test('a browser gets the page, everything else a greeting in JSON', async () => {
  await using relay = await createTestRelay()
  const { response, page } = await open(relay)
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8')
  expect(page).toContain(`${relay.url}/mcp</code>`)
  for (const accept of ['*/*', 'application/json', '']) {
    const greeting = await relay.fetch('/', { headers: { accept } })
    expect(await greeting.json()).toMatchObject({ endpoint: '/mcp' })
  }
})

test('the page asks no database and shows no value of a setting', async () => {
  await using relay = await createTestRelay({
    bindings: { SUPABASE_SERVICE_KEY: 'sb_secret_hidden' },
  })
  const { page } = await open(relay)
  expect(relay.gateway.requests.size).toBe(0)
  for (const value of [relay.key, relay.userId, 'sb_secret_hidden', relay.gateway.url]) {
    expect(page).not.toContain(value)
  }
})

test('the page runs only its own script and style, and no site may frame it', async () => {
  await using relay = await createTestRelay()
  const { response, page } = await open(relay)
  expect(response.headers.get('content-security-policy')).toBe(
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'",
  )
  expect(page).not.toMatch(/<script(?![^>]* src=)|<style|\son\w+=/)
  expect(response.headers.get('cache-control')).toBe('no-store')
})

test.each([
  ['RELAY_API_KEY', undefined, 'RELAY_API_KEY is missing.'],
  ['RELAY_API_KEY', ' spaced-out ', 'RELAY_API_KEY has white space around it.'],
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
])(
  'with %s as %j the page names it, says how to fix it, and offers nothing else',
  async (name, value, sentence) => {
    await using relay = await createTestRelay({ bindings: { [name]: value } })
    const { page } = await open(relay)
    expect(page).toContain(sentence)
    expect(page).toContain(`npx wrangler secret put ${name}`)
    expect(page).not.toContain('<details')
    if (value) expect(page).not.toContain(value)
  },
)

test.each([
  ['https://my-relay.me.workers.dev/mcp', 'secret put RELAY_USER_ID --name my-relay<'],
  ['https://relay.example.com/mcp', 'secret put RELAY_USER_ID<'],
])('at %s, what the page says to run changes this Worker: %s', async (url, command) => {
  const faults = [{ setting: 'RELAY_USER_ID' as const, message: 'RELAY_USER_ID is missing.' }]
  const page = homePage({
    version: '1.0.0',
    url,
    faults,
    warnings: [],
    hasOAuth: true,
    hasApp: false,
    isLocal: false,
  })
  expect(await page.text()).toContain(command)
})

test('a bad optional setting is named on the page, which is otherwise whole', async () => {
  const bindings = { RELAY_PUBLIC_URL: 'my-relay.test', RELAY_ALLOWED_ORIGINS: '*' }
  await using relay = await createTestRelay({ bindings })
  const { page } = await open(relay)
  expect(page).toContain('RELAY_PUBLIC_URL must be an origin')
  expect(page).toContain('RELAY_ALLOWED_ORIGINS has the entry *')
  expect(page).not.toContain('my-relay.test')
  expect(page).toContain('<details')
  expect((await relay.rpc({ jsonrpc: '2.0', id: 1, method: 'ping' })).status).toBe(200)
})

test('all that is missing is named at once', async () => {
  const none = { RELAY_API_KEY: undefined, RELAY_USER_ID: undefined, SUPABASE_URL: undefined }
  await using relay = await createTestRelay({ bindings: none })
  const { page } = await open(relay)
  for (const name of Object.keys(none)) expect(page).toContain(`${name} is missing.`)
})

test('with a key too short to sign with, the page says so and offers no way to sign in', async () => {
  await using relay = await createTestRelay({ bindings: { RELAY_API_KEY: 'of fewer than 32' } })
  const { page } = await open(relay)
  expect(page).toContain('Signing in (OAuth) is off')
  expect(page.match(/Not with this key/g)).toHaveLength(2)
  expect(page).not.toContain('class="install"')
})

test('the page shows the address that clients are to use', async () => {
  const bindings = { RELAY_PUBLIC_URL: 'https://relay.example.com' }
  await using relay = await createTestRelay({ bindings })
  const { page } = await open(relay)
  expect(page).toContain('https://relay.example.com/mcp</code>')
  expect(page).not.toContain(relay.url)
  expect(page).not.toContain('on this machine only')
})

test('every client of the list has its section, with the address in each block', async () => {
  const guides = connectGuides(URL_OF_RELAY)
  expect(guides.map(({ name }) => name.split(/,| tasks/)[0])).toEqual([
    'Claude Code',
    'Claude.ai',
    'Cowork',
    'Claude Desktop',
    'Cursor',
    'VS Code',
    'Codex',
    'Gemini CLI',
    'ChatGPT',
  ])
  for (const { text } of guides.flatMap(({ blocks }) => blocks))
    expect(text).toContain(URL_OF_RELAY)
})

const guide = (name: string) =>
  connectGuides(URL_OF_RELAY).find((each) => each.name.startsWith(name)) as ConnectGuide
const block = (name: string, into: string) =>
  guide(name).blocks.find((each) => each.into.includes(into))?.text as string

const AUTHORIZATION = { Authorization: 'Bearer YOUR_RELAY_API_KEY' }

test('the command for Claude Code is one line of words that a shell takes as they are meant', () => {
  const command = block('Claude Code', 'Terminal').replace(/^claude /, '')
  const { stdout } = spawnSync('/bin/sh', ['-c', `printf '%s\\n' ${command}`], { encoding: 'utf8' })
  expect(stdout.trim().split('\n')).toEqual([
    'mcp',
    'add',
    '--scope',
    'user',
    '--transport',
    'http',
    'relay',
    URL_OF_RELAY,
    '--header',
    'Authorization: Bearer YOUR_RELAY_API_KEY',
  ])
})

test.each([
  [
    'Claude Code',
    '.mcp.json',
    {
      mcpServers: {
        relay: {
          type: 'http',
          url: URL_OF_RELAY,
          // biome-ignore lint/suspicious/noTemplateCurlyInString: Claude Code expands it.
          headers: { Authorization: 'Bearer ${RELAY_API_KEY}' },
        },
      },
    },
  ],
  ['Cursor', 'mcp.json', { mcpServers: { relay: { url: URL_OF_RELAY, headers: AUTHORIZATION } } }],
  [
    'Gemini CLI',
    'settings.json',
    { mcpServers: { relay: { httpUrl: URL_OF_RELAY, headers: AUTHORIZATION } } },
  ],
  [
    'VS Code',
    'mcp.json',
    {
      inputs: [{ id: 'relay', type: 'promptString', password: true }],
      // biome-ignore lint/suspicious/noTemplateCurlyInString: VS Code expands it.
      servers: { relay: { type: 'http', headers: { Authorization: 'Bearer ${input:relay}' } } },
    },
  ],
])('the block of %s for %s is JSON as the client reads it', (name, into, expected) => {
  expect(JSON.parse(block(name, into))).toMatchObject(expected)
})

test('the block of Claude Desktop allows plain http only where the address has it', () => {
  const args = (url: string) => {
    const desktop = connectGuides(url).find(({ name }) => name === 'Claude Desktop')
    const { relay } = JSON.parse(desktop?.blocks[0]?.text ?? '').mcpServers
    expect(relay.env.AUTH_HEADER).toBe(AUTHORIZATION.Authorization)
    return relay.args
  }
  expect(args(URL_OF_RELAY)).not.toContain('--allow-http')
  expect(args('http://127.0.0.1:8787/mcp')).toContain('--allow-http')
})

test('the block of Codex is TOML, that of Cowork YAML', () => {
  expect(parseToml(block('Codex', 'config.toml'))).toEqual({
    mcp_servers: { relay: { url: URL_OF_RELAY, bearer_token_env_var: 'RELAY_API_KEY' } },
  })
  expect(parseYaml(block('Cowork', 'task'))).toEqual({
    mcp_servers: { relay: { type: 'http', url: URL_OF_RELAY, headers: AUTHORIZATION } },
  })
})

test('the links that install carry the address and no key', () => {
  const cursor = new URL(guide('Cursor').install as string)
  expect(cursor.pathname).toBe('/mcp/install')
  expect(cursor.searchParams.get('name')).toBe('relay')
  expect(JSON.parse(atob(cursor.searchParams.get('config') as string))).toEqual({
    url: URL_OF_RELAY,
  })
  const [, json] = (guide('VS Code').install as string).split('vscode:mcp/install?')
  expect(JSON.parse(decodeURIComponent(json as string))).toEqual({
    name: 'relay',
    type: 'http',
    url: URL_OF_RELAY,
  })
})

test('the icon is the one of the listings, and may run nothing', async () => {
  await using relay = await createTestRelay()
  const response = await relay.fetch('/icon.svg')
  expect(response.headers.get('content-type')).toBe('image/svg+xml')
  expect(response.headers.get('content-security-policy')).toBe("default-src 'none'")
  expect(await response.text()).toBe((await readFile('icon.svg', 'utf8')).trim())
  expect((await open(relay)).page).toContain('href="/icon.svg"')
})
