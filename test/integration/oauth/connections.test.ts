/** Connections that are cut off: what their tokens still do, which is nothing. */
import { expect, test } from 'vitest'
import { startFaults } from '../../support/faults.ts'
import { type Answer, callWith, createOAuthClient, issues, send } from '../../support/oauth.ts'
import { createTestRelay, type TestRelay } from '../../support/relay.ts'
import { forge } from './forgery.ts'

// biome-ignore lint/suspicious/noExplicitAny: tests state what they expect by asserting it.
type Json = any

async function manage(relay: TestRelay, body: object): Promise<Json> {
  const headers = { authorization: `Bearer ${relay.key}`, 'content-type': 'application/json' }
  const init = { method: 'POST', headers, body: JSON.stringify(body) }
  return (await send(relay, '/manage', init)).body
}

const connections = async (relay: TestRelay): Promise<Json[]> =>
  (await manage(relay, { action: 'list_connections' })).connections

/** A client that is connected, and a way to cut it off. */
async function connected(relay: TestRelay) {
  const client = await createOAuthClient(relay)
  const tokens = await client.connect()
  const [{ gid }] = await connections(relay)
  return { client, ...tokens, cutOff: () => manage(relay, { action: 'disconnect', gid }) }
}

function expectRefused({ status, headers, body }: Answer) {
  expect([status, body.error, body.result]).toEqual([401, 'invalid_token', undefined])
  expect(headers.get('www-authenticate')).toContain('error="invalid_token"')
}

const rpc = (relay: TestRelay, token: string, body: object, version = '2025-11-25') =>
  relay.rpc(body, { authorization: `Bearer ${token}`, 'mcp-protocol-version': version })

const request = (method: string, params: object, id = 1) => ({ jsonrpc: '2.0', id, method, params })

const POST = { thread_name: 'a', surface: 'code', content: 'x' }

const COMPLETE = {
  ref: { type: 'ref/resource', uri: 'relay://threads/{name}' },
  argument: { name: 'name', value: '' },
}

test.each<[string, object]>([
  ['tools/call', { name: 'relay_post_message', arguments: POST }],
  ['tools/call', { name: 'relay_create_thread', arguments: { name: 'b' } }],
  ['tools/call', { name: 'relay_archive_thread', arguments: { thread_name: 'a' } }],
  ['tools/call', { name: 'relay_list_threads', arguments: {} }],
  ['tools/call', { name: 'relay_read_thread', arguments: { thread_name: 'a' } }],
  ['tools/call', { name: 'relay_check_new', arguments: { reader_tag: 'thief' } }],
  ['tools/call', { name: 'relay_check_new', arguments: { reader_tag: 'thief', wait_seconds: 5 } }],
  ['resources/list', {}],
  ['resources/read', { uri: 'relay://threads' }],
  ['resources/read', { uri: 'relay://threads/a' }],
  ['completion/complete', COMPLETE],
])('after it was cut off, %s %j is 401', async (method, params) => {
  await using relay = await createTestRelay()
  await relay.call('relay_post_message', POST)
  const { access_token, cutOff } = await connected(relay)
  await cutOff()
  const before = await rows(relay)
  expectRefused(await rpc(relay, access_token, request(method, params)))
  expect(await rows(relay)).toEqual(before)
})

async function rows(relay: TestRelay): Promise<unknown> {
  const owner = await relay.database.connect('postgres')
  const { rows } = await owner.query(
    `select (select jsonb_agg(t) from relay_threads t) as threads,
      (select jsonb_agg(m) from relay_messages m) as messages,
      (select jsonb_agg(r) from relay_readers r) as readers`,
  )
  return rows
}

test('/health tells a connection that was cut off nothing', async () => {
  await using relay = await createTestRelay()
  const { access_token, cutOff } = await connected(relay)
  const init = { headers: { authorization: `Bearer ${access_token}` } }
  expect((await send(relay, '/health', init)).body).toHaveProperty('database')
  await cutOff()
  const refused = await send(relay, '/health', init)
  expectRefused(refused)
  expect(refused.body).not.toHaveProperty('database')
})

test('in a batch it is the error of each item, and what was posted before stays', async () => {
  await using relay = await createTestRelay()
  const { access_token, cutOff } = await connected(relay)
  const call = (id: number) =>
    request('tools/call', { name: 'relay_post_message', arguments: POST }, id)
  await cutOff()
  const { status, body } = await rpc(relay, access_token, [call(1), call(2)], '2025-03-26')
  expect(status).toBe(200)
  expect(body).toMatchObject([
    { id: 1, error: { code: -32600 } },
    { id: 2, error: { code: -32600 } },
  ])
  const owner = await relay.database.connect('postgres')
  expect((await owner.query('select from relay_messages')).rows).toEqual([])
})

test('a wait that has begun ends with 401', async () => {
  await using relay = await createTestRelay()
  const { access_token, cutOff } = await connected(relay)
  const args = { reader_tag: 'thief', wait_seconds: 20 }
  const waiting = callWith(relay, access_token, 'relay_check_new', args)
  await expect.poll(() => relay.gateway.requests.get('relay_check_new')).toBeGreaterThan(0)
  await cutOff()
  await relay.call('relay_post_message', { ...POST, to: 'thief', content: 'a secret' })
  const refused = await waiting
  expectRefused(refused)
  expect(JSON.stringify(refused.body)).not.toContain('a secret')
})

test('a refresh asks the database once; a connection that was cut off gets no token', async () => {
  await using relay = await createTestRelay()
  const { client, refresh_token, cutOff } = await connected(relay)
  relay.gateway.requests.clear()
  expect((await client.refresh(refresh_token)).status).toBe(200)
  expect([...relay.gateway.requests]).toEqual([['relay_use_grant', 1]])
  await cutOff()
  const refused = await client.refresh(refresh_token)
  expect([refused.status, refused.body.error]).toEqual([400, 'invalid_grant'])
  expect(issues(refused)).toBe(false)
})

test('tokens of a refresh belong to the same connection', async () => {
  await using relay = await createTestRelay()
  const { client, refresh_token, cutOff } = await connected(relay)
  const { body } = await client.refresh((await client.refresh(refresh_token)).body.refresh_token)
  expect((await callWith(relay, body.access_token)).status).toBe(200)
  expect(await connections(relay)).toHaveLength(1)
  await cutOff()
  expectRefused(await callWith(relay, body.access_token))
  expect((await client.refresh(body.refresh_token)).body.error).toBe('invalid_grant')
})

test('a code that was used is of no use to another isolate either', async () => {
  await using relay = await createTestRelay()
  const client = await createOAuthClient(relay)
  const code = await client.authorize()
  const [, claims = ''] = code.split('.')
  const { jti } = JSON.parse(Buffer.from(claims, 'base64url').toString())
  // As another isolate, which shares nothing but the database, would have left it.
  const owner = await relay.database.connect('postgres')
  await owner.query(
    `insert into relay_connections (user_id, gid, name, scope, kind)
    values ($1, $2, 'A client', 'mcp', 'oauth')`,
    [relay.userId, jti],
  )
  const refused = await client.exchange(code)
  expect([refused.status, refused.body.error]).toEqual([400, 'invalid_grant'])
  expect(issues(refused)).toBe(false)
})

test('with the database away, the token endpoint says so, and the code and the tokens stay good', async () => {
  await using faults = await startFaults()
  await using relay = await createTestRelay({ faults })
  const client = await createOAuthClient(relay)
  const code = await client.authorize()
  await faults.always('refuse')
  const refused = await client.exchange(code)
  expect([refused.status, refused.body.error]).toEqual([503, 'temporarily_unavailable'])
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
  await faults.always('none')
  const { refresh_token } = (await client.exchange(code)).body
  await faults.always('refuse')
  const late = await client.refresh(refresh_token)
  expect([late.status, late.body.error, issues(late)]).toEqual([
    503,
    'temporarily_unavailable',
    false,
  ])
  await faults.always('none')
  expect((await client.refresh(refresh_token)).status).toBe(200)
})

test('tokens from before connections had an id keep working, are listed by client, and can be cut off', async () => {
  await using relay = await createTestRelay()
  const client = await createOAuthClient(relay)
  const another = await createOAuthClient(relay, { name: 'Another' })
  const old = (kind: 'access' | 'refresh', { clientId }: { clientId: string }, name: string) =>
    forge(relay, kind, { claims: { client_id: clientId, name } })
  const access = await old('access', client, 'A client')
  const refresh = await old('refresh', client, 'A client')
  const foreign = await old('access', another, 'Another')
  for (const token of [access, await old('access', client, 'A client'), foreign]) {
    expect((await callWith(relay, token)).status).toBe(200)
  }
  const renewed = (await client.refresh(refresh)).body
  expect((await callWith(relay, renewed.access_token)).status).toBe(200)
  const listed = await connections(relay)
  expect(listed.map(({ name, kind }) => [name, kind])).toEqual([
    ['Another', 'oauth'],
    ['A client', 'oauth'],
  ])
  const { gid, client: hash } = listed[1]
  expect(gid).toBe(`client:${hash}`)
  await manage(relay, { action: 'disconnect', gid })
  for (const token of [access, renewed.access_token]) expectRefused(await callWith(relay, token))
  for (const token of [refresh, renewed.refresh_token]) {
    expect((await client.refresh(token)).body.error).toBe('invalid_grant')
  }
  expect((await callWith(relay, foreign)).status).toBe(200)
})

test('a connection whose row was lost in a move is added by its first call, and completed by a refresh', async () => {
  await using relay = await createTestRelay()
  const { client, access_token, refresh_token } = await connected(relay)
  const [before] = await connections(relay)
  const owner = await relay.database.connect('postgres')
  await owner.query('delete from relay_connections')
  expect((await callWith(relay, access_token)).status).toBe(200)
  const { client: hash, created_at, last_used_at, ...rest } = before
  expect(await connections(relay)).toMatchObject([rest])
  await client.refresh(refresh_token)
  expect(await connections(relay)).toMatchObject([{ ...rest, client: hash }])
})
