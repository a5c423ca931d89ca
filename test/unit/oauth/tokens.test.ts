/** The tokens' claims about their client, and their size. */
import { expect, test } from 'vitest'
import { isClientKey } from '../../../src/key-rules.ts'
import { verifyAccessToken, verifyClientKey } from '../../../src/oauth/bearer.ts'
import { cleanClientName } from '../../../src/oauth/client-name.ts'
import {
  createTokenId,
  hashClientId,
  type SigningKeys,
  sign,
  verify,
} from '../../../src/oauth/jwt.ts'

const KEYS: SigningKeys = {
  current: 'c'.repeat(32),
  previous: undefined,
  issuer: 'https://relay-mcp.some-account.workers.dev',
}
const NOW = Date.UTC(2026, 10, 22)

test('access token, refresh token and client id fit into the credential store of Windows', async () => {
  const client_name = 'Visual Studio Code - Insiders'
  const redirect_uris = ['http://127.0.0.1:33418/callback']
  const statement = { name: client_name, redirect_uris, jti: createTokenId() }
  const clientId = await sign('client', statement, KEYS, NOW)
  const client = await hashClientId(clientId)
  const holder = { sub: crypto.randomUUID(), name: client_name, scope: 'mcp:read' as const }
  // Also those of a connection from before grants had an id.
  for (const gid of [createTokenId(), `client:${client}`]) {
    const access = await sign('access', { ...holder, gid, jti: createTokenId() }, KEYS, NOW)
    const refresh = await sign('refresh', { ...holder, gid, client }, KEYS, NOW)
    const bytes = 2 * (clientId.length + access.length + refresh.length)
    expect(bytes).toBeLessThanOrEqual(2560)
    expect(access).not.toContain(clientId)
  }
})

test('an access token tells which grant it belongs to, and one from before names its client', async () => {
  const claims = { sub: 'me', name: 'Claude Code', scope: 'mcp' as const, jti: createTokenId() }
  const holder = { userId: 'me', scope: 'mcp', client: 'Claude Code' }
  const token = await sign('access', { ...claims, gid: 'a-grant' }, KEYS, NOW)
  expect(await verifyAccessToken(token, KEYS, NOW)).toEqual({ ...holder, gid: 'a-grant' })
  const client = await hashClientId('a client')
  const old = await sign('access', { ...claims, client }, KEYS, NOW)
  expect(await verifyAccessToken(old, KEYS, NOW)).toEqual({ ...holder, gid: `client:${client}` })
  const neither = await sign('access', claims, KEYS, NOW)
  expect(await verifyAccessToken(neither, KEYS, NOW)).toBeUndefined()
})

test('a key for one client names no host, and is good for ten years under the key that signed it', async () => {
  const claims = { sub: 'me', gid: createTokenId(), name: 'ci', scope: 'mcp:read' as const }
  const key = await sign('key', claims, KEYS, NOW)
  expect(isClientKey(key)).toBe(true)
  const grant = { userId: 'me', scope: 'mcp:read', gid: claims.gid, client: 'ci' }
  const elsewhere = { ...KEYS, issuer: 'http://localhost:9999' }
  expect(await verifyClientKey(key, elsewhere, NOW)).toEqual(grant)
  const year = 365 * 24 * 3600 * 1000
  expect(await verifyClientKey(key, KEYS, NOW + 10 * year - 1000)).toEqual(grant)
  expect(await verifyClientKey(key, KEYS, NOW + 10 * year)).toBeUndefined()
  const rotated = { ...KEYS, current: 'n'.repeat(32), previous: KEYS.current }
  expect(await verifyClientKey(key, rotated, NOW)).toEqual(grant)
  expect(await verifyClientKey(key, { ...rotated, previous: undefined }, NOW)).toBeUndefined()
  for (const kind of ['access', 'refresh', 'code', 'client', 'link'] as const) {
    expect(await verify(kind, key, { ...KEYS, issuer: 'relay-key' }, NOW)).toBeUndefined()
  }
})

test('different clients have different hashes, and equal ones the same', async () => {
  expect(await hashClientId('a')).toMatch(/^[\w-]{22}$/)
  expect(await hashClientId('a')).toBe(await hashClientId('a'))
  expect(await hashClientId('a')).not.toBe(await hashClientId('b'))
})

test.each([
  ['Claude Code', 'Claude Code'],
  ['  Cursor\n', 'Cursor'],
  ['Cla\u202eude\u200b', 'Claude'],
  ['\u2066relay\u2069', 'relay'],
  ['a\u3164\u115f\u2800b', 'ab'],
  ['soft\u00adhyphen\ufeff', 'softhyphen'],
  ['Cafe\u0301', 'Café'],
  ['a\u00a0 \u3000b', 'a b'],
  ['Z\u0335\u0335\u0335\u0335\u0335', 'Z\u0335\u0335'],
  ['\ud800lone', '\ufffdlone'],
  ['x'.repeat(40), 'x'.repeat(40)],
  ['x'.repeat(41), `${'x'.repeat(39)}…`],
  ['😀'.repeat(41), `${'😀'.repeat(39)}…`],
  ['\u200b\n', ''],
])('the client name %j becomes %j', (name, cleaned) => {
  expect(cleanClientName(name)).toBe(cleaned)
})
