/** Client ID metadata documents: which are fetched at all, which are believed, and how long. */
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test, vi } from 'vitest'
import { findClient, isKnownClient } from '../../../src/oauth/clients.ts'
import { fetchMetadataDocument, isDocumentUrl } from '../../../src/oauth/metadata-documents.ts'

/** Never limits. */
const always = async () => true

const ISSUER = 'https://relay.example'
const KEYS = { current: 'k'.repeat(32), previous: undefined, issuer: ISSUER }
const NOW = Date.UTC(2026, 10, 22)
const REDIRECT = 'https://app.example/callback'

afterEach(() => {
  vi.unstubAllGlobals()
  vi.restoreAllMocks()
})

let count = 0
/** A URL that no test has asked for: documents are kept by the module. */
function anyUrl(): string {
  count += 1
  return `https://app.example/${count}.json`
}

type Serve = (url: string, init: RequestInit) => Response | Promise<Response>

/** Stands in for the network, and remembers its requests. */
function serve(answer: Serve) {
  const asked: { url: string; init: RequestInit }[] = []
  vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
    asked.push({ url, init })
    return answer(url, init)
  })
  return asked
}

const JSON_TYPE = { 'content-type': 'application/json' }

function page(document: unknown, headers: Record<string, string> = JSON_TYPE, status = 200) {
  const body = typeof document === 'string' ? document : JSON.stringify(document)
  return new Response(body, { status, headers })
}

const good = (url: string) => ({ client_id: url, client_name: 'An app', redirect_uris: [REDIRECT] })

test.each([
  'https://claude.ai/oauth/mcp-oauth-client-metadata',
  'https://chatgpt.com/oauth/client.json',
  'https://app.example/client',
  'https://app.example/client?version=2',
  'https://xn--bcher-kva.example/client',
])('%s may be the URL of a document', (url) => {
  expect(isDocumentUrl(url, ISSUER)).toBe(true)
})

test.each([
  'http://app.example/client',
  'ftp://app.example/client',
  'https://app.example',
  'https://app.example/',
  'https://app.example/?client',
  'https://app.example/client#fragment',
  'https://me@app.example/client',
  'https://me:word@app.example/client',
  'https://@app.example/client',
  'https://app.example/x/../client',
  'https://app.example/./client',
  'https://app.example/x/%2e%2e/client',
  'https://app.example/x/.%2E/client',
  'https://app.example\\client',
  'https://app.example/cli\tent',
  ' https://app.example/client',
  'https://APP.example/client',
  'HTTPS://app.example/client',
  'https://app.example:443/client',
  'https://app。example/client',
  'https://relay.example/client',
  'https://localhost/client',
  'https://localhost:8443/client',
  'https://app.localhost/client',
  'https://printer.local/client',
  'https://vault.internal/client',
  'https://metadata.google.internal/client',
  'https://router.lan/client',
  'https://router.home/client',
  'https://1.0.0.127.in-addr.arpa/client',
  'https://intranet/client',
  'https://127.0.0.1/client',
  'https://127.1/client',
  'https://2130706433/client',
  'https://0x7f000001/client',
  'https://0177.0.0.1/client',
  'https://0/client',
  'https://127.0.0.1./client',
  'https://１２７.0.0.1/client',
  'https://10.0.0.1/client',
  'https://169.254.169.254/latest/meta-data',
  'https://192.168.0.1/client',
  'https://8.8.8.8/client',
  'https://[::1]/client',
  'https://[::ffff:127.0.0.1]/client',
  'https://[fd00::1]/client',
  'https://[2001:db8::1]/client',
  'https:app.example/client',
  'https:///client',
  'client',
  '',
  'https://localhost./client',
  'https://intranet./client',
  'https://printer.localdomain/client',
  'https://relay.example./client',
  'https://relay.example:8443/client',
  'https://app.example:8443/client',
  'https://app..example/client',
  'https://app.example/client#',
])('%j is never fetched', async (url) => {
  expect(isDocumentUrl(url, ISSUER)).toBe(false)
  const asked = serve(() => page(good(url)))
  expect(await findClient(url, KEYS, NOW, always)).toBe('unknown')
  expect(await isKnownClient(url, KEYS, NOW)).toBe(false)
  expect(asked).toEqual([])
})

test('a good document is believed, and the host of its URL vouches for it', async () => {
  const url = anyUrl()
  const asked = serve(() => page({ ...good(url), token_endpoint_auth_method: 'none', x: 1 }))
  expect(await findClient(url, KEYS, NOW, always)).toEqual({ ...good(url), host: 'app.example' })
  const init = asked[0]?.init
  expect([init?.redirect, init?.signal]).toEqual(['manual', expect.any(AbortSignal)])
  expect(Object.keys(init?.headers ?? {})).toEqual(['accept'])
})

test('at the token endpoint nothing is fetched', async () => {
  const asked = serve(() => page({}))
  expect(await isKnownClient(anyUrl(), KEYS, NOW)).toBe(true)
  expect(asked).toEqual([])
})

const JUST = 5 * 1024

test.each<[string, Serve, fault?: string]>([
  ['of another URL', () => page(good('https://other.example/client.json'))],
  ['of its URL with a slash', (url) => page(good(`${url}/`))],
  ['without a client_id', (url) => page({ ...good(url), client_id: undefined })],
  ['without a name', (url) => page({ ...good(url), client_name: undefined })],
  ['with an empty name', (url) => page({ ...good(url), client_name: '' })],
  ['with a name of 201 characters', (url) => page({ ...good(url), client_name: 'x'.repeat(201) })],
  ['without redirect URIs', (url) => page({ ...good(url), redirect_uris: undefined })],
  ['with no redirect URI', (url) => page({ ...good(url), redirect_uris: [] })],
  ['with one redirect URI as text', (url) => page({ ...good(url), redirect_uris: REDIRECT })],
  ['with numbers for them', (url) => page({ ...good(url), redirect_uris: [1] })],
  ['with a secret', (url) => page({ ...good(url), client_secret: 'x' })],
  ['with client_secret_post', (u) => page(withMethod(u, 'client_secret_post'))],
  ['with client_secret_basic', (u) => page(withMethod(u, 'client_secret_basic'))],
  ['with client_secret_jwt', (u) => page(withMethod(u, 'client_secret_jwt'))],
  ['in an array', (url) => page([good(url)])],
  ['that is null', () => page('null')],
  ['that is empty', () => page('')],
  ['that is not JSON', () => page('<!doctype html>')],
  ['that breaks off', (url) => page(JSON.stringify(good(url)).slice(0, -1))],
  ['that is not UTF-8', () => new Response(new Uint8Array([0xff]), { headers: JSON_TYPE })],
  ['of type text/html', (url) => page(good(url), { 'content-type': 'text/html' })],
  ['of type text/plain', (url) => page(good(url), { 'content-type': 'text/plain' })],
  ['of type application/jsonp', (url) => page(good(url), { 'content-type': 'application/jsonp' })],
  ['of no type', (url) => new Response(new TextEncoder().encode(JSON.stringify(good(url))))],
  ['with 201', (url) => page(good(url), JSON_TYPE, 201)],
  ['with 404', (url) => page(good(url), JSON_TYPE, 404)],
  ['with 403', (url) => page(good(url), JSON_TYPE, 403), 'unreachable'],
  ['with 429', (url) => page(good(url), JSON_TYPE, 429), 'unreachable'],
  ['with 500', (url) => page(good(url), JSON_TYPE, 500), 'unreachable'],
  ['with 302', (url) => page(good(url), { ...JSON_TYPE, location: anyUrl() }, 302)],
  ['with 308', (url) => page(good(url), { ...JSON_TYPE, location: anyUrl() }, 308)],
  ['of more than 5 KB', (url) => page({ ...good(url), x: 'x'.repeat(JUST) })],
  ['of 5 KB that never ends', () => new Response(endless(), { headers: JSON_TYPE })],
  ['out of reach', () => Promise.reject(new TypeError('fetch failed')), 'unreachable'],
])('a document %s makes no client, and is asked for again after a minute', async (...row) => {
  const [, answer, fault = 'invalid'] = row
  const url = anyUrl()
  const asked = serve((given, init) => answer(given, init))
  expect(await findClient(url, KEYS, NOW, always)).toBe(fault)
  expect(await findClient(url, KEYS, NOW + 59_999, always)).toBe(fault)
  expect(asked.map((one) => one.url)).toEqual([url])
  expect(await findClient(url, KEYS, NOW + 60_000, always)).toBe(fault)
  expect(asked.map((one) => one.url)).toEqual([url, url])
})

const withMethod = (url: string, token_endpoint_auth_method: string) => ({
  ...good(url),
  token_endpoint_auth_method,
})

function endless(): ReadableStream {
  return new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(1024)) })
}

test.each(['application/json; charset=utf-8', 'APPLICATION/JSON', 'application/cimd+json'])(
  'a document of type %s is read',
  async (type) => {
    const url = anyUrl()
    serve(() => page(good(url), { 'content-type': type }))
    expect(await fetchMetadataDocument(url, NOW, always)).toEqual(good(url))
  },
)

test('a document of 5 KB is read', async () => {
  const url = anyUrl()
  const size = JSON.stringify({ ...good(url), x: '' }).length
  serve(() => page({ ...good(url), x: 'x'.repeat(JUST - size) }))
  expect(await fetchMetadataDocument(url, NOW, always)).toEqual(good(url))
})

test.each<[string, RequestListener, string]>([
  ['does not come', () => {}, 'unreachable'],
  ['does not end', (_, response) => response.writeHead(200, JSON_TYPE).write('{'), 'unreachable'],
  [
    'is elsewhere',
    (_, response) => response.writeHead(302, { location: '/moved' }).end(),
    'invalid',
  ],
])('over a real connection, a document that %s is abandoned', async (_, listener, fault) => {
  const paths: (string | undefined)[] = []
  const server = createServer((request, response) => {
    paths.push(request.url)
    listener(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const [original, limit] = [fetch, AbortSignal.timeout.bind(AbortSignal)]
  const limits: number[] = []
  vi.spyOn(AbortSignal, 'timeout').mockImplementation((milliseconds) => {
    limits.push(milliseconds)
    return limit(1_500)
  })
  serve((_url, init) => original(`http://127.0.0.1:${port}/document`, init))
  expect(await fetchMetadataDocument(anyUrl(), NOW, always)).toBe(fault)
  expect([limits, paths]).toEqual([[3000], ['/document']])
  server.closeAllConnections()
  server.close()
})

test.each([
  ['no header', {}, 60],
  ['max-age=0', { 'cache-control': 'max-age=0' }, 60],
  ['no-store', { 'cache-control': 'no-store' }, 60],
  ['max-age=600', { 'cache-control': 'public, max-age=600' }, 600],
  ['a year', { 'cache-control': 'max-age=31536000' }, 86_400],
  ['nonsense', { 'cache-control': 'max-age=soon' }, 60],
])('with %s a document is kept for its time', async (_, headers, seconds) => {
  const url = anyUrl()
  const asked = serve(() => page(good(url), { ...JSON_TYPE, ...headers }))
  await fetchMetadataDocument(url, NOW, always)
  await fetchMetadataDocument(url, NOW + seconds * 1000 - 1, always)
  expect(asked).toHaveLength(1)
  await fetchMetadataDocument(url, NOW + seconds * 1000, always)
  expect(asked).toHaveLength(2)
})

test('a hundred documents are kept, and the oldest goes first', async () => {
  const asked = serve((url) => page(good(url)))
  const urls = Array.from({ length: 101 }, anyUrl)
  for (const url of urls) await fetchMetadataDocument(url, NOW, always)
  asked.length = 0
  for (const url of urls.slice(1)) await fetchMetadataDocument(url, NOW, always)
  expect(asked).toHaveLength(0)
  await fetchMetadataDocument(urls[0] as string, NOW, always)
  expect(asked).toHaveLength(1)
})

test.each([
  ['https://claude.ai/oauth/mcp-oauth-client-metadata', 'https://claude.com/api/mcp/auth_callback'],
  ['https://claude.ai/oauth/claude-code-client-metadata', 'http://localhost/callback'],
  [
    'https://claude.ai/oauth/claude-code-client-metadata',
    'claude://claude.ai/mcp-auth-callback/sdk',
  ],
  ['https://chatgpt.com/oauth/codex/client.json', 'http://127.0.0.1/callback'],
  [
    'https://chatgpt.com/oauth/codex/6MFBM1In3Ey-/client.json',
    'http://127.0.0.1/callback/6MFBM1In3Ey-',
  ],
  [
    'https://chatgpt.com/oauth/FLLrQdlez6Uf/client.json',
    'https://chatgpt.com/connector/oauth/FLLrQdlez6Uf',
  ],
  ['https://vscode.dev/oauth/client-metadata.json', 'https://vscode.dev/redirect'],
  ['https://opencode.ai/oauth/opencode/client.json', 'http://127.0.0.1/mcp/oauth/callback'],
  [
    'https://chatgpt.com/oauth/client.json',
    'https://chatgpt.com/connector_platform_oauth_redirect',
  ],
])('%s is built in with %s, for when it is out of reach', async (url, redirectUri) => {
  vi.resetModules()
  const { findClient } = await import('../../../src/oauth/clients.ts')
  const away = serve(() => Promise.reject(new TypeError('fetch failed')))
  const builtIn = {
    client_id: url,
    host: new URL(url).host,
    redirect_uris: expect.arrayContaining([redirectUri]),
  }
  expect(await findClient(url, KEYS, NOW, always)).toMatchObject(builtIn)
  expect(await findClient(url, KEYS, NOW, always)).toMatchObject(builtIn)
  expect(away).toHaveLength(1)

  serve(() => page({ ...good(url), client_name: 'Newer' }))
  const newer = await findClient(url, KEYS, NOW + 60_000, always)
  expect(newer).toMatchObject({ ...builtIn, client_name: 'Newer' })
  expect(newer).toMatchObject({ redirect_uris: expect.arrayContaining([REDIRECT]) })
})

test('the built-in copy is for its own URL only', async () => {
  serve(() => page('', JSON_TYPE, 503))
  for (const url of [
    'https://claude.ai/oauth/mcp-oauth-client-metadata/',
    'https://claude.ai/oauth/mcp-oauth-client-metadata?x',
    'https://claude.ai.evil.example/oauth/mcp-oauth-client-metadata',
    'https://chatgpt.com/oauth/codex/a/b/client.json',
    'https://chatgpt.com/oauth/a.b/client.json',
    'https://chatgpt.com.evil.example/oauth/codex/client.json',
    'https://chatgpt.com/constructor',
  ]) {
    expect(await findClient(url, KEYS, NOW, always)).toBe('unreachable')
  }
})

test('a document that cannot be had for a while serves on, and one that is withdrawn does not', async () => {
  const url = anyUrl()
  serve(() => Response.json(good(url)))
  await fetchMetadataDocument(url, NOW, always)
  const later = NOW + 61_000
  serve(() => new Response('busy', { status: 503 }))
  expect(await fetchMetadataDocument(url, later, always)).toEqual(good(url))
  expect(await fetchMetadataDocument(url, later + 3_600_000, always)).toBe('unreachable')
  const after = later + 3_700_000
  serve(() => Response.json(good(url)))
  await fetchMetadataDocument(url, after, always)
  serve(() => new Response('gone', { status: 410 }))
  expect(await fetchMetadataDocument(url, after + 61_000, always)).toBe('invalid')
})

test('a document whose body does not come in time is out of reach, and an earlier one serves on', async () => {
  const [url, unknown] = [anyUrl(), anyUrl()]
  serve(() => Response.json(good(url)))
  await fetchMetadataDocument(url, NOW, always)
  const limit = AbortSignal.timeout(20)
  vi.spyOn(AbortSignal, 'timeout').mockReturnValue(limit)
  serve(() => {
    const body = new ReadableStream({
      start: (controller) =>
        limit.addEventListener('abort', () => controller.error(limit.reason), { once: true }),
    })
    return new Response(body, { headers: JSON_TYPE })
  })
  const [known, fault] = await Promise.all([
    fetchMetadataDocument(url, NOW + 61_000, always),
    fetchMetadataDocument(unknown, NOW, always),
  ])
  expect([known, fault]).toEqual([good(url), 'unreachable'])
})

test('a document is not fetched for an address that asked for too many, a well-known one is', async () => {
  const asked = serve(() => new Response('', { status: 503 }))
  const never = async () => false
  expect(await fetchMetadataDocument(anyUrl(), NOW, never)).toBe('limited')
  expect(asked).toEqual([])
  const codex = 'https://chatgpt.com/oauth/codex/another/client.json'
  expect(await fetchMetadataDocument(codex, NOW, never)).toMatchObject({ client_name: 'Codex' })
  expect(asked).toEqual([])
  const claude = 'https://claude.ai/oauth/mcp-oauth-client-metadata'
  expect(await fetchMetadataDocument(claude, NOW, never)).toMatchObject({ client_name: 'Claude' })
})

test('a name in a document is shown without characters that would bend the line', async () => {
  const url = anyUrl()
  serve(() => Response.json({ ...good(url), client_name: 'Cla\u202eude\n\u200b' }))
  expect(await fetchMetadataDocument(url, NOW, always)).toMatchObject({ client_name: 'Claude' })
})

test('a thousand requests for one document fetch it once, and each gets it', async () => {
  const url = anyUrl()
  const { promise, resolve } = Promise.withResolvers<Response>()
  const asked = serve(() => promise)
  const requests = Array.from({ length: 1000 }, () => fetchMetadataDocument(url, NOW, always))
  resolve(Response.json(good(url)))
  expect(new Set((await Promise.all(requests)).map((each) => JSON.stringify(each)))).toEqual(
    new Set([JSON.stringify(good(url))]),
  )
  expect(asked).toHaveLength(1)
})

test('an unreachable host is not asked by each of them either', async () => {
  const url = anyUrl()
  const asked = serve(() => Promise.reject(new TypeError('fetch failed')))
  const requests = Array.from({ length: 100 }, () => fetchMetadataDocument(url, NOW, always))
  expect(new Set(await Promise.all(requests))).toEqual(new Set(['unreachable']))
  expect(asked).toHaveLength(1)
})

test('a request that fetches and never comes back holds the others up for three seconds', async () => {
  vi.useFakeTimers({ now: NOW })
  const url = anyUrl()
  const asked = serve(() =>
    asked.length === 1 ? new Promise<Response>(() => {}) : Response.json(good(url)),
  )
  void fetchMetadataDocument(url, NOW, always)
  const second = fetchMetadataDocument(url, NOW, always)
  await vi.advanceTimersByTimeAsync(3000)
  expect(await second).toEqual(good(url))
  vi.useRealTimers()
})
