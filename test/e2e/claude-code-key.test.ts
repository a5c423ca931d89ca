/** The Claude Code plugin: which address its hook sends which key to, and its message if it cannot ask. */
import type { IncomingMessage, RequestListener } from 'node:http'
import { expect, test } from 'vitest'
import { configured, HOOK, KEY, news, post, run, startServer } from '../support/claude-code.ts'
import { createTestRelay } from '../support/relay.ts'

const ENVIRONMENT_KEY = 'a-key-from-the-environment'

/** How Claude Code starts the hook that is for the plugin's settings. */
const runWithSettings = (url: string, key: string, env: Record<string, string> = {}) =>
  run(HOOK, { ...env, CLAUDE_PLUGIN_OPTION_URL: url, CLAUDE_PLUGIN_OPTION_API_KEY: key }, [
    '--url',
    url,
  ])

/** A server that records the requests it receives, and answers as a relay without news. */
async function startRecorder() {
  const requests: IncomingMessage['headers'][] = []
  const server = await startServer((request, response) => {
    requests.push(request.headers)
    const structuredContent = { messages: [], remaining_count: 0 }
    response.end(JSON.stringify({ jsonrpc: '2.0', id: 1, result: { structuredContent } }))
  })
  return { ...server, requests }
}

test('the settings of the plugin are used if they are set, else the environment', async () => {
  await using relay = await createTestRelay()
  await post(relay, { content: 'Welcome.' })
  const url = `${relay.url}/mcp`
  const elsewhere = configured('http://127.0.0.1:9/mcp')
  expect((await runWithSettings(url, relay.key)).stdout).toContain('"Welcome."')
  expect((await runWithSettings(url, relay.key, elsewhere)).stdout).toContain('"Welcome."')
  expect((await news(relay)).stdout).toContain('"Welcome."')
})

test.each([
  ['RELAY_KEY', { RELAY_KEY: KEY }],
  ['RELAY_API_KEY', { RELAY_API_KEY: KEY }],
  ['RELAY_API_KEY beside a blank RELAY_KEY', { RELAY_KEY: ' ', RELAY_API_KEY: KEY }],
  ['RELAY_KEY before RELAY_API_KEY', { RELAY_KEY: KEY, RELAY_API_KEY: 'the-key-of-the-relay' }],
])('the key from the environment is %s', async (_, keys) => {
  await using server = await startRecorder()
  await run(HOOK, { RELAY_URL: server.url, ...keys })
  const sent = server.requests.map(({ authorization }) => authorization)
  expect(sent).toEqual([`Bearer ${KEY}`, `Bearer ${KEY}`])
})

test('the hook for the environment is silent where the settings have a URL', async () => {
  await using relay = await createTestRelay()
  await post(relay, { content: 'Welcome.' })
  const settings = { CLAUDE_PLUGIN_OPTION_URL: `${relay.url}/mcp` }
  const keys: Record<string, string>[] = [{}, { CLAUDE_PLUGIN_OPTION_API_KEY: relay.key }]
  for (const key of keys) {
    const told = await news(relay, { ...settings, ...key })
    expect(told).toEqual({ code: 0, stdout: '', stderr: '' })
  }
  // Only the post above.
  expect(relay.logs).toHaveLength(1)
})

test.each<[string, (own: string, thief: string) => [Record<string, string>, string[]]]>([
  [
    'both settings, and another address in the environment',
    (own) => [{ CLAUDE_PLUGIN_OPTION_URL: own, CLAUDE_PLUGIN_OPTION_API_KEY: KEY }, ['--url', own]],
  ],
  [
    'both settings, and a project that replaces the setting of the URL',
    (own, thief) => [
      { CLAUDE_PLUGIN_OPTION_URL: thief, CLAUDE_PLUGIN_OPTION_API_KEY: KEY },
      ['--url', own],
    ],
  ],
  ['only the key in the settings', () => [{ CLAUDE_PLUGIN_OPTION_API_KEY: KEY }, []]],
  [
    'only the key in the settings, and a project that adds the URL to them',
    (_, thief) => [{ CLAUDE_PLUGIN_OPTION_URL: thief, CLAUDE_PLUGIN_OPTION_API_KEY: KEY }, []],
  ],
  [
    'only the URL in the settings',
    (own) => [{ CLAUDE_PLUGIN_OPTION_URL: own, RELAY_KEY: KEY }, ['--url', own]],
  ],
  [
    'settings that hold the name of the variable as their URL',
    (_, thief) => [
      { CLAUDE_PLUGIN_OPTION_URL: thief, CLAUDE_PLUGIN_OPTION_API_KEY: KEY },
      ['--url', '$' + '{RELAY_URL}'],
    ],
  ],
])('with %s, the address in the environment never receives the key', async (_, given) => {
  await using own = await startRecorder()
  await using thief = await startRecorder()
  const [settings, args] = given(own.url, thief.url)
  const env = { ...configured(thief.url, ENVIRONMENT_KEY), ...settings }
  const { stdout, stderr } = await run(HOOK, env, args)
  expect(stdout + stderr).not.toContain(KEY)
  expect(thief.requests).toEqual([])
  // The other way round as well: each key goes only to its own address.
  for (const { authorization } of own.requests) expect(authorization).toBe(`Bearer ${KEY}`)
  if (settings.RELAY_KEY) expect(own.requests).toEqual([])
})

test('a proxy from the environment does not receive a request to this machine', async () => {
  await using own = await startRecorder()
  await using thief = await startRecorder()
  const proxy = new URL(thief.url).origin
  const env = { HTTP_PROXY: proxy, http_proxy: proxy, NODE_USE_ENV_PROXY: '1' }
  await runWithSettings(own.url, KEY, env)
  expect(own.requests).not.toEqual([])
  expect(thief.requests).toEqual([])
})

test('plain http is refused for any address other than this machine', async () => {
  await using server = await startRecorder()
  const url = server.url.replace('127.0.0.1', '0.0.0.0')
  for (const told of [await run(HOOK, configured(url)), await runWithSettings(url, KEY)]) {
    expectFailure(told, 'must use https')
  }
  expect(server.requests).toEqual([])
  const local = server.url.replace('127.0.0.1', 'localhost')
  expect((await run(HOOK, configured(local))).stdout).not.toContain('must use https')
})

test('a redirect is not followed, so the key goes nowhere else', async () => {
  const asked: unknown[] = []
  await using thief = await startServer((request, response) => {
    asked.push(request.headers)
    response.end()
  })
  for (const status of [301, 302, 303, 307, 308]) {
    await using server = await startServer((_, response) =>
      response.writeHead(status, { location: thief.url }).end(),
    )
    expectFailure(await run(HOOK, configured(server.url)), 'redirects elsewhere')
  }
  expect(asked).toEqual([])
})

test.each<[string, Record<string, string>, string]>([
  ['no settings', {}, 'RELAY_URL and RELAY_KEY'],
  ['no key', { RELAY_URL: 'https://relay.example/mcp' }, 'url and api_key'],
  ['no URL', { RELAY_KEY: KEY }, 'url and api_key'],
  ['a URL that is invalid', configured(KEY), 'URL'],
  ['a URL of another kind', configured('file:///mcp'), 'URL'],
  ['a URL with credentials', configured(`https://me:${KEY}@relay.example/mcp`), 'credentials'],
  ['a URL over plain http', configured('http://relay.example/mcp'), 'https'],
  [
    'a host that only looks like loopback',
    configured('http://127.0.0.1.relay.example/mcp'),
    'https',
  ],
  ['a key of two lines', configured('http://127.0.0.1:9/mcp', `${KEY}\n${KEY}`), 'API key'],
  ['a key beyond ASCII', configured('http://127.0.0.1:9/mcp', `${KEY}ä`), 'API key'],
])('%s is reported in one line', async (_, env, told) => {
  expectFailure(await run(HOOK, env), told)
})

test.each<[string, RequestListener, string]>([
  ['a wrong key', (_, response) => response.writeHead(401).end(), '401: it refuses the API key'],
  ['a wrong path', (_, response) => response.writeHead(404).end(), '404: its URL ends in /mcp'],
  ['a fault', (_, response) => response.writeHead(500).end('Stack\nTrace'), 'answered 500'],
  ['a page', (_, response) => response.end('<html>\n<p>Sign in</p>'), 'not from a relay'],
  ['another shape', (_, response) => response.end('{"result":{}}'), 'not from a relay'],
  ['null', (_, response) => response.end('null'), 'not from a relay'],
  ['a broken connection', (request) => request.socket.resetAndDestroy(), 'cannot be reached'],
  [
    'a protocol error',
    (_, response) => response.end('{"error":{"message":"No\\n\\n# such <tool>"}}'),
    '"No # such ‹tool›"',
  ],
])('%s is reported in one line', async (_, listener, told) => {
  await using server = await startServer(listener)
  expectFailure(await run(HOOK, configured(server.url)), told)
})

test('a relay that is down is reported in one line', async () => {
  const server = await startServer(() => {})
  await server[Symbol.asyncDispose]()
  expectFailure(await run(HOOK, configured(server.url)), 'cannot be reached (ECONNREFUSED)')
})

test('a refusal by the relay is quoted', async () => {
  await using relay = await createTestRelay()
  const refused = await news(relay, { RELAY_READER_TAG: 'x'.repeat(201) })
  expectFailure(refused, 'it answered "reader_tag must')
})

const FAILURE = 'Relay could not be asked for news:'

function expectFailure(
  { code, stdout, stderr }: Awaited<ReturnType<typeof run>>,
  told: string,
): void {
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toMatch(/^[^\n]+\n$/)
  expect(stdout.startsWith(FAILURE)).toBe(true)
  expect(stdout).toContain(told)
  expect(stdout).not.toContain(KEY)
  expect(stdout.length).toBeLessThan(400)
}
