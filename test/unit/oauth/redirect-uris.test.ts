/** The pure rules: redirect URIs, PKCE, resources, scopes, and tokens against a fixed clock. */
import { expect, test } from 'vitest'
import { type SigningKeys, sign, type TokenKind, verify } from '../../../src/oauth/jwt.ts'
import { isCodeChallenge, provesChallenge } from '../../../src/oauth/pkce.ts'
import {
  isLoopbackUri,
  isRedirectUri,
  isSameRedirectUri,
} from '../../../src/oauth/redirect-uris.ts'
import { requireResource } from '../../../src/oauth/resource-indicator.ts'
import { allows, parseScope } from '../../../src/scopes.ts'

test.each([
  'https://claude.ai/api/mcp/auth_callback',
  'https://claude.com/api/mcp/auth_callback',
  'https://www.cursor.com/agents/mcp/oauth/callback',
  'https://chatgpt.com/connector_platform_oauth_redirect',
  'https://app.example:8443/callback?a=b',
  'https://[2001:db8::1]/callback',
  'http://localhost/callback',
  'http://localhost:8787/callback',
  'http://127.0.0.1:33418/',
  'http://[::1]:33418/callback',
  'cursor://anysphere.cursor-mcp/oauth/callback',
  'vscode://vscode.github-authentication/did-authenticate',
  'com.example.app:/callback',
])('%s is fit for codes', (uri) => {
  expect(isRedirectUri(uri)).toBe(true)
  expect(isSameRedirectUri(uri, uri)).toBe(true)
})

test.each([
  'http://0.0.0.0/callback',
  'http://[::]/callback',
  'http://10.0.0.1/callback',
  'http://localhost./callback',
  'http://app.localhost/callback',
  'http:localhost/callback',
  'http:///callback',
  'http://[::ffff:127.0.0.1]/callback',
  'https:/app.example/callback',
  'javascript://app.example/%0aalert(1)',
  'JAVASCRIPT://app.example',
  'chrome-extension://abc/callback',
  'feed:https://app.example/',
  'app:callback',
  'a b://c',
  '1app://c',
  'app://c#',
  'app://c\u0000',
  'app://me@c',
  'https://@app.example/callback',
  'https://:@app.example/callback',
  'ms-msdt://x',
  'search-ms://x',
  'foo:bar://x',
  'shell://x',
])('%j is not', (uri) => {
  expect(isRedirectUri(uri)).toBe(false)
  expect(isSameRedirectUri(uri, uri)).toBe(false)
})

test.each([
  ['http://localhost/', true],
  ['http://127.0.0.1:1/', true],
  ['http://127.1.2.3/', true],
  ['http://[::1]:1/', true],
  ['https://localhost/', false],
  ['http://localhost.example/', false],
  ['cursor://localhost/', false],
  ['no URI', false],
])('%s leads to this machine: %s', (uri, isHere) => {
  expect(isLoopbackUri(uri)).toBe(isHere)
})

// RFC 7636 appendix B.
const VERIFIER = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'
const CHALLENGE = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM'

test.each([
  [VERIFIER, CHALLENGE, true],
  [CHALLENGE, CHALLENGE, false],
  [VERIFIER, VERIFIER, false],
  [`${VERIFIER} `, CHALLENGE, false],
  [`${VERIFIER}\n`, CHALLENGE, false],
  [VERIFIER, `${CHALLENGE}=`, false],
  [VERIFIER, CHALLENGE.toLowerCase(), false],
  [VERIFIER.slice(0, 42), CHALLENGE, false],
  ['', '', false],
  ['', '47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU', false],
  ['v'.repeat(129), CHALLENGE, false],
])('%j proves %j: %s', async (verifier, challenge, isProof) => {
  expect(await provesChallenge(verifier, challenge)).toBe(isProof)
})

test.each([
  [CHALLENGE, true],
  [`${CHALLENGE}=`, false],
  [`${CHALLENGE}\n`, false],
  [CHALLENGE.slice(1), false],
  [CHALLENGE.replace('-', '+'), false],
  ['', false],
])('%j is a code challenge: %s', (value, isOne) => {
  expect(isCodeChallenge(value)).toBe(isOne)
})

const ISSUER = 'https://relay.example'

test.each([
  [`${ISSUER}/mcp`, true],
  [`${ISSUER}/mcp/`, true],
  [ISSUER, true],
  [`${ISSUER}/`, true],
  ['HTTPS://Relay.Example/mcp', true],
  ['https://relay.example:443/mcp', true],
  [`${ISSUER}/MCP`, false],
  [`${ISSUER}//`, false],
  [`${ISSUER}/mcp//`, false],
  [`${ISSUER}/mcp/x`, false],
  [`${ISSUER}/token`, false],
  [`${ISSUER}/mcp?x=1`, false],
  [`${ISSUER}/mcp#x`, false],
  ['https://relay.example:8443/mcp', false],
  ['https://relay.example.evil.example/mcp', false],
  ['https://evil.example/https://relay.example/mcp', false],
  ['https://me@relay.example/mcp', false],
  ['http://relay.example/mcp', false],
  ['relay.example/mcp', false],
  ['/mcp', false],
])('the resource %s is ours: %s', (resource, isOurs) => {
  const require = () => requireResource(new URLSearchParams({ resource }), ISSUER)
  if (isOurs) expect(require).not.toThrow()
  else expect(require).toThrow(expect.objectContaining({ code: 'invalid_target', status: 400 }))
})

test.each([
  [null, undefined],
  ['', undefined],
  ['mcp', 'mcp'],
  ['mcp:read', 'mcp:read'],
  ['mcp:read mcp', 'mcp'],
  ['offline_access mcp:read', 'mcp:read'],
  ['MCP', undefined],
  ['mcp,mcp:read', undefined],
  ['mcp:write', undefined],
])('%j asks for %s', (parameter, scope) => {
  expect(parseScope(parameter)).toBe(scope)
})

test('mcp contains mcp:read, and not the reverse', () => {
  expect(allows('mcp', 'mcp:read')).toBe(true)
  expect(allows('mcp:read', 'mcp')).toBe(false)
})

const KEYS: SigningKeys = { current: 'c'.repeat(32), previous: 'p'.repeat(32), issuer: ISSUER }
const NOW = Date.UTC(2026, 10, 22)
const HOLDER = { sub: 'me', name: 'A client', scope: 'mcp' as const }
const CODE = {
  ...HOLDER,
  client: 'hash',
  jti: 'id',
  redirect_uri: 'https://app.example/',
  code_challenge: CHALLENGE,
}

test.each([
  ['code', CODE, 60],
  ['access', { ...HOLDER, gid: 'gid', jti: 'id' }, 90 * 86_400],
  ['refresh', { ...HOLDER, gid: 'gid', client: 'hash' }, 365 * 86_400],
  ['key', { ...HOLDER, gid: 'gid' }, 3650 * 86_400],
] as const)('a %s is valid for its time, to the second', async (kind, claims, seconds) => {
  const token = await sign(kind, claims as never, KEYS, NOW)
  expect(await verify(kind, token, KEYS, NOW)).toEqual(claims)
  expect(await verify(kind, token, KEYS, NOW + (seconds - 1) * 1000)).toEqual(claims)
  expect(await verify(kind, token, KEYS, NOW + seconds * 1000)).toBeUndefined()
})

test('a client id does not expire', async () => {
  const claims = { name: 'x', redirect_uris: ['https://app.example/'], jti: 'id' }
  const token = await sign('client', claims, KEYS, NOW)
  expect(await verify('client', token, KEYS, NOW + 1e12)).toEqual(claims)
})

test('each kind is verified only as itself', async () => {
  const client = { ...CODE, gid: 'gid', redirect_uris: ['https://app.example/'] }
  const kinds: TokenKind[] = ['client', 'code', 'access', 'refresh', 'key', 'link']
  for (const signed of kinds) {
    const token = await sign(signed, client as never, KEYS, NOW)
    for (const kind of kinds) {
      expect((await verify(kind, token, KEYS, NOW)) !== undefined).toBe(kind === signed)
    }
  }
})

test.each([
  ['another key', { current: 'x'.repeat(32), previous: undefined }, false],
  ['the key as the previous one', { current: 'x'.repeat(32), previous: KEYS.current }, true],
  ['another issuer', { issuer: 'https://other.example' }, false],
  ['http', { issuer: 'http://relay.example' }, false],
])('with %s a token is valid: %s', async (_, change, isValid) => {
  const token = await sign('access', { ...HOLDER, gid: 'gid', jti: 'id' }, KEYS, NOW)
  expect((await verify('access', token, { ...KEYS, ...change }, NOW)) !== undefined).toBe(isValid)
})

test.each(['', '.', '..', 'a.b.c', 'eyJhbGciOiJub25lIn0..', 'é.é.é', `${'a'.repeat(1e6)}.b.c`])(
  'a text that is not a token is invalid, and not an error',
  async (token) => {
    expect(await verify('access', token, KEYS, NOW)).toBeUndefined()
  },
)
