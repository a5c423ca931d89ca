/** The key is changed without an outage: RELAY_API_KEY_PREVIOUS. */
import { decodeProtectedHeader, jwtVerify } from 'jose'
import { expect, test } from 'vitest'
import { callWith, createOAuthClient, send } from '../../support/oauth.ts'
import { createTestRelay } from '../../support/relay.ts'
import { forge } from './forgery.ts'

const PREVIOUS = 'the previous key, of 32 characters or more'
const SHORT = 'the previous key, of 31 charact'

function ping(token: string) {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  return {
    method: 'POST',
    headers,
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' }),
  }
}

const isSignedBy = (key: string, token: string) =>
  jwtVerify(token, new TextEncoder().encode(key)).then(
    () => true,
    () => false,
  )

test('while a rotation lasts, both keys open the endpoint and the page', async () => {
  await using relay = await createTestRelay({ bindings: { RELAY_API_KEY_PREVIOUS: PREVIOUS } })
  for (const key of [relay.key, PREVIOUS]) {
    expect((await send(relay, '/mcp', ping(key))).status).toBe(200)
    const client = await createOAuthClient(relay)
    const code = await client.authorize({ api_key: key })
    const { access_token, refresh_token } = (await client.exchange(code)).body
    for (const token of [client.clientId, code, access_token, refresh_token]) {
      expect(await isSignedBy(relay.key, token)).toBe(true)
    }
  }
})

test('tokens of the previous key are accepted, and their successors are signed with the new one', async () => {
  await using relay = await createTestRelay({ bindings: { RELAY_API_KEY_PREVIOUS: PREVIOUS } })
  const claims = {
    name: 'Old',
    redirect_uris: ['https://app.example/callback'],
    exp: undefined,
  }
  const clientId = await forge(relay, 'client', { claims, key: PREVIOUS })
  const client = await createOAuthClient(relay, { clientId })
  const grant = { claims: { client_id: clientId }, key: PREVIOUS }
  expect((await callWith(relay, await forge(relay, 'access', grant))).status).toBe(200)

  const { body } = await client.refresh(await forge(relay, 'refresh', grant))
  expect(await isSignedBy(relay.key, body.access_token)).toBe(true)
  expect(decodeProtectedHeader(body.access_token)).toEqual({ alg: 'HS256', typ: 'at+jwt' })

  const code = await forge(relay, 'code', {
    claims: {
      client_id: clientId,
      redirect_uri: client.redirectUri,
      code_challenge: client.challenge,
    },
    key: PREVIOUS,
  })
  expect((await client.exchange(code)).status).toBe(200)
  expect((await client.exchange(code)).body.error).toBe('invalid_grant')
  expect((await client.connect()).scope).toBe('mcp')
})

test('a previous key verifies by the same rules', async () => {
  await using relay = await createTestRelay({ bindings: { RELAY_API_KEY_PREVIOUS: PREVIOUS } })
  for (const forgery of [
    { header: { alg: 'HS512' }, key: PREVIOUS },
    { header: { typ: 'rt+jwt' }, key: PREVIOUS },
    { claims: { exp: 1 }, key: PREVIOUS },
    { key: 'neither of the keys, but long enough' },
  ]) {
    const { status, body } = await callWith(relay, await forge(relay, 'access', forgery))
    expect([status, body.error]).toEqual([401, 'invalid_token'])
  }
})

test('a short previous key opens nothing, and verifies nothing', async () => {
  await using relay = await createTestRelay({ bindings: { RELAY_API_KEY_PREVIOUS: SHORT } })
  expect((await send(relay, '/mcp', ping(SHORT))).status).toBe(401)
  expect((await callWith(relay, await forge(relay, 'access', { key: SHORT }))).status).toBe(401)
  const claims = { name: 'x', redirect_uris: ['https://app.example/callback'] }
  const clientId = await forge(relay, 'client', { claims, key: SHORT })
  const client = await createOAuthClient(relay, { clientId })
  expect((await client.decide()).status).toBe(400)
  expect((await client.refresh('x')).body.error).toBe('invalid_client')
})

test('when the rotation is over, nothing of the old key is left', async () => {
  await using relay = await createTestRelay({})
  expect((await send(relay, '/mcp', ping(PREVIOUS))).status).toBe(401)
  const claims = { name: 'x', redirect_uris: ['https://app.example/callback'] }
  const clientId = await forge(relay, 'client', { claims, key: PREVIOUS })
  const client = await createOAuthClient(relay, { clientId })
  expect((await client.decide()).status).toBe(400)
  const refreshed = await client.refresh(await forge(relay, 'refresh', { key: PREVIOUS }))
  expect([refreshed.status, refreshed.body.error]).toEqual([401, 'invalid_client'])
  expect((await callWith(relay, await forge(relay, 'access', { key: PREVIOUS }))).status).toBe(401)
})
