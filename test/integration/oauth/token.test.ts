/** The token endpoint under attack: codes and refresh tokens that are not the caller's, or no more. */
import { expect, test } from 'vitest'
import {
  type Answer,
  callWith,
  challengeOf,
  createOAuthClient,
  issues,
  type OAuthClient,
  type Overrides,
  send,
  sendAs,
} from '../../support/oauth.ts'
import { createTestRelay, type TestRelay } from '../../support/relay.ts'
import { type Forgery, forge, tampered } from './forgery.ts'

const ago = (seconds: number) => Math.floor(Date.now() / 1000) - seconds

const FORM = 'application/x-www-form-urlencoded'

function expectRefused(answer: Answer, error: string, status = 400) {
  expect([answer.status, answer.body.error]).toEqual([status, error])
  expect(issues(answer)).toBe(false)
  expect(Object.fromEntries(answer.headers)).toMatchObject({
    'content-type': 'application/json',
    'cache-control': 'no-store',
  })
}

test.each<[string, string, Overrides]>([
  ['another verifier', 'invalid_grant', { code_verifier: 'v'.repeat(43) }],
  ['no verifier', 'invalid_grant', { code_verifier: undefined }],
  ['an empty verifier', 'invalid_grant', { code_verifier: '' }],
  ['a verifier that is too short', 'invalid_grant', { code_verifier: 'v'.repeat(42) }],
  ['another redirect URI', 'invalid_grant', { redirect_uri: 'https://app.example/callback2' }],
  ['an unregistered redirect URI', 'invalid_grant', { redirect_uri: 'https://evil.example/' }],
  ['another resource', 'invalid_target', { resource: 'https://evil.example/mcp' }],
  ['an unknown client', 'invalid_client', { client_id: 'unknown' }],
  ['no client', 'invalid_client', { client_id: undefined }],
  ['another known client', 'invalid_grant', { client_id: 'https://claude.ai/oauth/x' }],
  ['no grant type', 'invalid_request', { grant_type: undefined }],
  ['the grant type password', 'unsupported_grant_type', { grant_type: 'password' }],
  ['client_credentials', 'unsupported_grant_type', { grant_type: 'client_credentials' }],
  ['the grant type of a refresh', 'invalid_grant', { grant_type: 'refresh_token' }],
  ['no code', 'invalid_grant', { code: undefined }],
  ['two clients', 'invalid_request', { client_id: ['a', 'b'] }],
  ['two verifiers', 'invalid_request', { code_verifier: ['a', 'b'] }],
  ['two redirect URIs', 'invalid_request', { redirect_uri: ['a', 'b'] }],
])('a code with %s is %s, and stays good for its client', async (_, error, overrides) => {
  await using relay = await createTestRelay()
  const client = await createOAuthClient(relay)
  const code = await client.authorize()
  const status = error === 'invalid_client' ? 401 : 400
  expectRefused(await client.exchange(code, overrides), error, status)
  expect((await client.exchange(code)).status).toBe(200)
})

test('the challenge is not a verifier', async () => {
  await using relay = await createTestRelay()
  const client = await createOAuthClient(relay)
  const code = await client.authorize()
  expectRefused(await client.exchange(code, { code_verifier: client.challenge }), 'invalid_grant')
})

test('a challenge that was swapped in the form leaves the client without a token', async () => {
  await using relay = await createTestRelay()
  const client = await createOAuthClient(relay)
  const code = await client.authorize({ code_challenge: challengeOf('t'.repeat(43)) })
  expectRefused(await client.exchange(code), 'invalid_grant')
})

test('a code of one client is invalid for another, even with the verifier', async () => {
  await using relay = await createTestRelay()
  const client = await createOAuthClient(relay)
  const thief = await createOAuthClient(relay, { name: 'A thief' })
  const code = await client.authorize()
  const stolen = { redirect_uri: client.redirectUri, code_verifier: client.verifier }
  expectRefused(await thief.exchange(code, stolen), 'invalid_grant')
  const { refresh_token } = (await client.exchange(code)).body
  expectRefused(await thief.refresh(refresh_token), 'invalid_grant')
})

test('a code is good once', async () => {
  await using relay = await createTestRelay()
  const client = await createOAuthClient(relay)
  const code = await client.authorize()
  expect((await client.exchange(code)).status).toBe(200)
  for (let i = 0; i < 3; i += 1) expectRefused(await client.exchange(code), 'invalid_grant')
  expectRefused(await client.exchange(code, { redirect_uri: undefined }), 'invalid_grant')
})

test('of eight that redeem a code at once, one gets a token', async () => {
  await using relay = await createTestRelay()
  const client = await createOAuthClient(relay)
  const code = await client.authorize()
  const answers = await Promise.all(Array.from({ length: 8 }, () => client.exchange(code)))
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
  for (const answer of answers) if (answer.status !== 200) expectRefused(answer, 'invalid_grant')
})

/** Signed with the relay's own key, and right but for one thing. */
const ODD: [string, Forgery][] = [
  ['that has expired', { claims: { exp: ago(1) } }],
  ['without an end', { claims: { exp: undefined } }],
  ['whose end is not a number', { claims: { exp: 'never' } }],
  ['that is not valid yet', { claims: { nbf: ago(-60) } }],
  ['without a time of issue', { claims: { iat: undefined } }],
  ['of another issuer', { claims: { iss: 'https://evil.example' } }],
  ['of an issuer with a slash', { claims: { iss: 'SLASH' } }],
  ['without an issuer', { claims: { iss: undefined } }],
  ['for another audience', { claims: { aud: 'https://evil.example/token' } }],
  ['without an audience', { claims: { aud: undefined } }],
  ['without a person', { claims: { sub: undefined } }],
  ['without a client', { claims: { client_id: undefined } }],
  ['without a scope', { claims: { scope: undefined } }],
  ['with an unknown scope', { claims: { scope: 'admin' } }],
  ['with a list of scopes', { claims: { scope: 'mcp mcp:read' } }],
  ['of no typ', { header: { typ: undefined } }],
  ['of typ JWT', { header: { typ: 'JWT' } }],
  ['of typ at+jwt', { header: { typ: 'at+jwt' } }],
  ['in HS384', { header: { alg: 'HS384' } }],
  ['in HS512', { header: { alg: 'HS512' } }],
  ['of another key', { key: 'another key of thirty-two characters' }],
]

function oddity(relay: TestRelay, client: OAuthClient, forgery: Forgery): Forgery {
  const claims: Record<string, unknown> = {
    client_id: client.clientId,
    redirect_uri: client.redirectUri,
    code_challenge: client.challenge,
    ...forgery.claims,
  }
  if (claims.iss === 'SLASH') claims.iss = `${relay.url}/`
  return { ...forgery, claims }
}

test('a code and a refresh token that are forged with the key are good, as a control', async () => {
  await using relay = await createTestRelay()
  const client = await createOAuthClient(relay)
  const code = await forge(relay, 'code', oddity(relay, client, {}))
  expect((await client.exchange(code)).status).toBe(200)
  const token = await forge(relay, 'refresh', oddity(relay, client, {}))
  expect((await client.refresh(token)).status).toBe(200)
})

test.each(ODD)('a code or refresh token %s issues nothing', async (_, forgery) => {
  await using relay = await createTestRelay()
  const client = await createOAuthClient(relay)
  const odd = oddity(relay, client, forgery)
  expectRefused(await client.exchange(await forge(relay, 'code', odd)), 'invalid_grant')
  expectRefused(await client.refresh(await forge(relay, 'refresh', odd)), 'invalid_grant')
})

test.each(['redirect_uri', 'code_challenge', 'jti'])(
  'a code without %s issues nothing',
  async (claim) => {
    await using relay = await createTestRelay()
    const client = await createOAuthClient(relay)
    const odd = oddity(relay, client, { claims: { [claim]: undefined } })
    const code = await forge(relay, 'code', odd)
    expectRefused(await client.exchange(code), 'invalid_grant')
    expectRefused(await client.exchange(code, { redirect_uri: undefined }), 'invalid_grant')
  },
)

test.each([
  ['none', { header: { alg: 'none' } }],
  ['None', { header: { alg: 'None' } }],
  ['HS512 only in the header', { header: { alg: 'HS512' } }],
  ['a wider scope', { claims: { scope: 'mcp' } }],
  ['a later end', { claims: { exp: 9_999_999_999 } }],
  ['another client', { claims: { client_id: 'unknown' } }],
])('a code or refresh token that was changed to %s issues nothing', async (_, part) => {
  await using relay = await createTestRelay()
  const client = await createOAuthClient(relay)
  const { refresh_token } = await client.connect({ scope: 'mcp:read' })
  const code = tampered(await client.authorize({ scope: 'mcp:read' }), part)
  expectRefused(await client.exchange(code), 'invalid_grant')
  expectRefused(await client.refresh(tampered(refresh_token, part)), 'invalid_grant')
})

test('no kind of token passes for another', async () => {
  await using relay = await createTestRelay()
  const client = await createOAuthClient(relay)
  const { access_token, refresh_token } = await client.connect()
  const code = await client.authorize()
  for (const other of [access_token, refresh_token, client.clientId, relay.key, '', 'a.b.c']) {
    expectRefused(await client.exchange(other), 'invalid_grant')
  }
  for (const other of [access_token, code, client.clientId, relay.key, '', 'a.b.c']) {
    expectRefused(await client.refresh(other), 'invalid_grant')
  }
  for (const other of [access_token, refresh_token, code, relay.key]) {
    const answer = await client.exchange(code, { client_id: other })
    expectRefused(answer, 'invalid_client', 401)
  }
})

test('a code or token of another host is not accepted here', async () => {
  await using relay = await createTestRelay()
  const client = await createOAuthClient(relay)
  const code = await client.authorize()
  const body = new URLSearchParams({
    grant_type: 'authorization_code',
    client_id: client.clientId,
    code,
    code_verifier: client.verifier,
  })
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const init = { method: 'POST', headers, body: `${body}` }
  const host = `localhost:${new URL(relay.url).port}`
  expectRefused(await sendAs(host, relay, '/token', init), 'invalid_client', 401)
  body.set('client_id', 'https://claude.ai/oauth/x')
  expectRefused(await sendAs(host, relay, '/token', { ...init, body: `${body}` }), 'invalid_grant')
})

const basic = (user: string, word = '') => ({
  authorization: `Basic ${btoa(`${user}:${word}`)}`,
  'content-type': FORM,
})

test('a client id may come as the user name of HTTP Basic', async () => {
  await using relay = await createTestRelay()
  const client = await createOAuthClient(relay)
  const { refresh_token } = await client.connect()
  const body = `${new URLSearchParams({ grant_type: 'refresh_token', refresh_token })}`
  const post = (headers: Record<string, string>) =>
    send(relay, '/token', { method: 'POST', headers, body })
  expect((await post(basic(client.clientId))).status).toBe(200)
  expect((await post(basic(client.clientId, 'ignored'))).status).toBe(200)
  expectRefused(await post(basic('unknown')), 'invalid_client', 401)
  expectRefused(await post(basic('https://claude.ai/oauth/x')), 'invalid_grant')
  expectRefused(await post(basic('%')), 'invalid_client', 401)
  expectRefused(await post({ ...basic(''), authorization: 'Basic %%%' }), 'invalid_client', 401)
  const url = encodeURIComponent('https://claude.ai/oauth/x')
  expectRefused(await post(basic(url)), 'invalid_grant')
})

test('the client id of the form counts, whatever HTTP Basic says', async () => {
  await using relay = await createTestRelay()
  const client = await createOAuthClient(relay)
  const { refresh_token } = await client.connect()
  const form = { grant_type: 'refresh_token', refresh_token, client_id: 'unknown' }
  const body = `${new URLSearchParams(form)}`
  const answer = await send(relay, '/token', {
    method: 'POST',
    headers: basic(client.clientId),
    body,
  })
  expectRefused(answer, 'invalid_client', 401)
})

test('a refresh with a narrower scope narrows the access token only', async () => {
  await using relay = await createTestRelay()
  const client = await createOAuthClient(relay)
  const { refresh_token } = await client.connect()
  const { body: narrow } = await client.refresh(refresh_token, { scope: 'mcp:read' })
  expect(narrow.scope).toBe('mcp:read')
  expect((await callWith(relay, narrow.access_token)).status).toBe(403)
  const { body: whole } = await client.refresh(narrow.refresh_token)
  expect(whole.scope).toBe('mcp')
  expect((await callWith(relay, whole.access_token)).status).toBe(200)
})

test('a refresh never widens the scope that was granted', async () => {
  await using relay = await createTestRelay()
  const client = await createOAuthClient(relay)
  const narrow = await client.connect({ scope: 'mcp:read' })
  expectRefused(await client.refresh(narrow.refresh_token, { scope: 'mcp' }), 'invalid_scope')
  expectRefused(
    await client.refresh(narrow.refresh_token, { scope: 'mcp:read mcp' }),
    'invalid_scope',
  )
  for (const scope of [undefined, '', 'offline_access', 'mcp:read admin']) {
    const { body } = await client.refresh(narrow.refresh_token, { scope })
    expect(body.scope).toBe('mcp:read')
    expect((await callWith(relay, body.access_token)).status).toBe(403)
  }
})

test('a scope requested with a code does not change the grant', async () => {
  await using relay = await createTestRelay()
  const client = await createOAuthClient(relay)
  const code = await client.authorize({ scope: 'mcp:read' })
  expect((await client.exchange(code, { scope: 'mcp' })).body.scope).toBe('mcp:read')
})

test('a refresh for another resource issues nothing', async () => {
  await using relay = await createTestRelay()
  const client = await createOAuthClient(relay)
  const { refresh_token } = await client.connect()
  const resource = 'https://evil.example/mcp'
  expectRefused(await client.refresh(refresh_token, { resource }), 'invalid_target')
  const both = [`${relay.url}/mcp`, resource]
  expectRefused(await client.refresh(refresh_token, { resource: both }), 'invalid_target')
  expect((await client.refresh(refresh_token, { resource: relay.url })).status).toBe(200)
})

test.each([
  ['JSON', 'application/json', '{"grant_type":"authorization_code"}', 400, 'invalid_request'],
  ['an array', 'application/json', '[]', 400, 'invalid_request'],
  ['text', 'text/plain', 'grant_type=authorization_code', 400, 'invalid_request'],
  ['a type like it', `${FORM}-x`, 'client_id=x', 400, 'invalid_request'],
  ['a multipart form', 'multipart/form-data; boundary=x', '--x--', 400, 'invalid_request'],
  ['nothing', FORM, '', 401, 'invalid_client'],
  ['broken escapes', FORM, '%%%=%f&%ff=%00', 401, 'invalid_client'],
  ['an array of clients', FORM, 'client_id[]=x', 401, 'invalid_client'],
  ['1 MB', FORM, `x=${'y'.repeat(1_000_000)}`, 413, 'invalid_request'],
  ['1 MB of parameters', FORM, 'a=b&'.repeat(250_000), 413, 'invalid_request'],
  ['3 MB', FORM, `x=${'y'.repeat(3_000_000)}`, 413, 'invalid_request'],
])('%s for a form issues nothing', async (_, type, body, status, error) => {
  await using relay = await createTestRelay()
  const headers = { 'content-type': type }
  expectRefused(await send(relay, '/token', { method: 'POST', headers, body }), error, status)
})

test('bytes that are not UTF-8, and parameters in the query string, are not a form', async () => {
  await using relay = await createTestRelay()
  const client = await createOAuthClient(relay)
  const { refresh_token } = await client.connect()
  const headers = { 'content-type': FORM }
  const body = new Uint8Array([0x61, 0x3d, 0xff])
  expectRefused(await send(relay, '/token', { method: 'POST', headers, body }), 'invalid_request')
  const query = new URLSearchParams({
    grant_type: 'refresh_token',
    client_id: client.clientId,
    refresh_token,
  })
  const posted = await send(relay, `/token?${query}`, { method: 'POST', headers, body: '' })
  expectRefused(posted, 'invalid_client', 401)
  const got = await send(relay, `/token?${query}`, { method: 'GET' })
  expect([got.status, issues(got)]).toEqual([405, false])
})

test('a code or refresh token of another person issues nothing', async () => {
  await using relay = await createTestRelay()
  const client = await createOAuthClient(relay)
  const odd = oddity(relay, client, { claims: { sub: '00000000-0000-4000-8000-000000000000' } })
  expectRefused(await client.exchange(await forge(relay, 'code', odd)), 'invalid_grant')
  expectRefused(await client.refresh(await forge(relay, 'refresh', odd)), 'invalid_grant')
})
