/** Keys for one client under attack: each opens the endpoint, under every name of the relay, and no more. */
import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import {
  type Answer,
  callWith,
  createOAuthClient,
  destination,
  issues,
  send,
  sendAs,
} from '../../support/oauth.ts'
import { createTestRelay, type TestRelay } from '../../support/relay.ts'
import { forge, tampered } from './forgery.ts'

async function makeKey(relay: TestRelay, args: object = {}): Promise<string> {
  const body = JSON.stringify({ action: 'make_key', name: 'laptop', ...args })
  const headers = { authorization: `Bearer ${relay.key}`, 'content-type': 'application/json' }
  return (await send(relay, '/manage', { method: 'POST', headers, body })).body.key
}

function ping(relay: TestRelay, host: string, token: string): Promise<Answer> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' })
  return sendAs(host, relay, '/mcp', { method: 'POST', headers, body })
}

test('a key is good under every host and port, where a token is not', async () => {
  await using relay = await createTestRelay({
    bindings: {
      RELAY_PUBLIC_URL: 'https://relay.example',
      RELAY_HOSTS: 'localhost,127.0.0.1,relay.example',
    },
  })
  const key = await makeKey(relay)
  const token = await forge(relay, 'access', {})
  for (const host of ['relay.example', 'localhost:1234', '127.0.0.1:8787']) {
    expect((await ping(relay, host, key)).status).toBe(200)
  }
  expect((await ping(relay, 'localhost:1234', token)).status).toBe(421)
  expect((await ping(relay, 'evil.example', key)).status).toBe(421)
})

test('a key that may only read posts nothing, and sees no tool that posts', async () => {
  await using relay = await createTestRelay()
  await relay.call('relay_post_message', { thread_name: 'a', surface: 'code', content: 'Hello.' })
  const key = await makeKey(relay, { scope: 'mcp:read' })
  const refused = await callWith(relay, key)
  expect([refused.status, refused.body.error]).toEqual([403, 'insufficient_scope'])
  const list = await relay.rpc(
    { jsonrpc: '2.0', id: 1, method: 'tools/list' },
    { authorization: `Bearer ${key}` },
  )
  expect(list.body.result.tools).toHaveLength(3)
  const { body } = await callWith(relay, key, 'relay_list_threads', {})
  expect(body.result.structuredContent.threads).toMatchObject([{ name: 'a', message_count: 1 }])
})

test('a key stands in for no other secret: not the password, a link, a code, a refresh token or a client', async () => {
  await using relay = await createTestRelay()
  const key = await makeKey(relay)
  const client = await createOAuthClient(relay)
  const board = await createOAuthClient(relay, {
    clientId: `${relay.url}/board/client.json`,
    redirectUri: `${relay.url}/board/`,
  })
  const answers = [
    await client.decide({ api_key: key }),
    await client.decide({ api_key: `Bearer ${key}` }),
    await board.decide({ api_key: undefined, link: key }),
    await client.exchange(key),
    await client.refresh(key),
    await client.ask({ client_id: key }),
    await client.exchange(await client.authorize(), { client_id: key }),
  ]
  for (const answer of answers) {
    expect(issues(answer)).toBe(false)
    expect(destination(answer).get('code')).toBeNull()
  }
})

test('no other token passes for a key, and none that was changed is good', async () => {
  await using relay = await createTestRelay()
  const key = await makeKey(relay, { scope: 'mcp:read' })
  const { access_token, refresh_token } = await (await createOAuthClient(relay)).connect()
  const header = { typ: 'key+jwt' }
  const claims = { iss: 'relay-key', aud: 'relay-key', gid: 'A'.repeat(16) }
  for (const token of [
    tampered(access_token, { header }),
    tampered(refresh_token, { header, claims }),
    tampered(key, { claims: { scope: 'mcp' } }),
    tampered(key, { claims: { gid: 'key' } }),
    tampered(key, { header: { alg: 'none' } }),
    await forge(relay, 'access', { header, claims: { ...claims, iss: relay.url } }),
    await forge(relay, 'access', { header, claims: { ...claims, aud: `${relay.url}/mcp` } }),
    await forge(relay, 'access', { header, claims: { ...claims, gid: undefined } }),
    await forge(relay, 'access', { header, claims: { ...claims, exp: undefined } }),
    await forge(relay, 'access', { header, claims: { ...claims, sub: 'someone-else' } }),
    await forge(relay, 'access', { header, claims, key: randomBytes(32).toString('hex') }),
  ]) {
    const refused = await callWith(relay, token)
    expect([refused.status, refused.body.error]).toEqual([401, 'invalid_token'])
  }
  const owner = await relay.database.connect('postgres')
  expect((await owner.query('select from relay_messages')).rows).toEqual([])
})

test('a key works while the key that signed it is accepted', async () => {
  const previous = randomBytes(32).toString('base64url')
  for (const bindings of [{ RELAY_API_KEY_PREVIOUS: previous }, {}]) {
    await using relay = await createTestRelay({ bindings })
    const key = await forge(relay, 'access', {
      header: { typ: 'key+jwt' },
      claims: { iss: 'relay-key', aud: 'relay-key', gid: 'A'.repeat(16) },
      key: previous,
    })
    const isAccepted = 'RELAY_API_KEY_PREVIOUS' in bindings
    expect((await callWith(relay, key)).status).toBe(isAccepted ? 200 : 401)
  }
})
