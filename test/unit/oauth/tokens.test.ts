/** The tokens' claims about their client, and their size. */
import { expect, test } from 'vitest'
import { verifyAccessToken } from '../../../src/oauth/bearer.ts'
import { cleanClientName } from '../../../src/oauth/client-name.ts'
import { createTokenId, hashClientId, type SigningKeys, sign } from '../../../src/oauth/jwt.ts'

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
  const grant = {
    sub: crypto.randomUUID(),
    client: await hashClientId(clientId),
    name: client_name,
    scope: 'mcp:read' as const,
  }
  const access = await sign('access', { ...grant, jti: createTokenId() }, KEYS, NOW)
  const refresh = await sign('refresh', { ...grant, jti: createTokenId() }, KEYS, NOW)
  const bytes = 2 * (clientId.length + access.length + refresh.length)
  expect(bytes).toBeLessThanOrEqual(2560)
  expect(access).not.toContain(clientId)
})

test('an access token tells who it was issued to', async () => {
  const claims = {
    sub: 'me',
    client: await hashClientId('a client'),
    name: 'Claude Code',
    scope: 'mcp' as const,
    jti: createTokenId(),
  }
  const token = await sign('access', claims, KEYS, NOW)
  expect(await verifyAccessToken(token, KEYS, NOW)).toEqual({
    id: claims.client,
    userId: 'me',
    scope: 'mcp',
    client: 'Claude Code',
  })
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
