/** POST /manage: connections, keys for one client, and attacks on both. */
import { expect, test } from 'vitest'
import {
  anyAddress,
  callWith,
  createOAuthClient,
  issues,
  type OAuthClient,
  send,
} from '../support/oauth.ts'
import { createTestRelay, type TestRelay } from '../support/relay.ts'
import { forge, tampered } from './oauth/forgery.ts'

// biome-ignore lint/suspicious/noExplicitAny: tests state what they expect by asserting it.
type Json = any

interface Sent {
  /** Replaces the relay's own key. */
  token?: string | undefined
  headers?: Record<string, string>
}

function manage(relay: TestRelay, body: unknown, { token = relay.key, headers }: Sent = {}) {
  return send(relay, '/manage', {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      ...headers,
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
}

async function makeKey(relay: TestRelay, args: object = {}): Promise<{ gid: string; key: string }> {
  const { status, body } = await manage(relay, { action: 'make_key', name: 'laptop', ...args })
  expect(status).toBe(200)
  return body
}

async function connections(relay: TestRelay): Promise<Json[]> {
  const { body } = await manage(relay, { action: 'list_connections' })
  return body.connections
}

const boardOf = (relay: TestRelay): Promise<OAuthClient> =>
  createOAuthClient(relay, {
    clientId: `${relay.url}/board/client.json`,
    redirectUri: `${relay.url}/board/`,
  })

/** Everything that /manage could change. */
async function state(relay: TestRelay): Promise<unknown> {
  const owner = await relay.database.connect('postgres')
  const { rows } = await owner.query(
    `select gid, name, scope, kind, made_by, revoked_at from relay_connections
    where gid <> 'key' order by gid`,
  )
  return rows
}

const post = (relay: TestRelay, token: string) =>
  callWith(relay, token, 'relay_post_message', {
    thread_name: 'a',
    content: 'x',
    surface: 'other',
  })

test('a key for one client posts under its name, is listed, and ends when it is cut off', async () => {
  await using relay = await createTestRelay()
  const { gid, key } = await makeKey(relay, { name: 'ci on the server' })
  expect(await connections(relay)).toMatchObject([
    { gid, name: 'ci on the server', kind: 'key', scope: 'mcp', made_by: 'key' },
  ])
  expect((await post(relay, key)).status).toBe(200)
  const { structuredContent } = await relay.call('relay_read_thread', { thread_name: 'a' })
  expect(structuredContent.messages).toMatchObject([{ via: 'ci on the server' }])
  const [{ last_used_at }] = await connections(relay)
  expect(Date.parse(last_used_at)).toBeGreaterThan(Date.now() - 60_000)

  const { body } = await manage(relay, { action: 'disconnect', gid })
  expect(body).toEqual({ disconnected: true, made_keys: [] })
  const refused = await post(relay, key)
  expect(refused.status).toBe(401)
  expect(refused.body).toMatchObject({ error: 'invalid_token' })
  expect(refused.headers.get('www-authenticate')).toContain('error="invalid_token"')
  expect(await connections(relay)).toMatchObject([{ gid, revoked_at: expect.any(String) }])
})

test('the board lists and cuts off connections, its own among them', async () => {
  await using relay = await createTestRelay()
  const board = await boardOf(relay)
  const { access_token, refresh_token } = await board.connect()
  const other = await createOAuthClient(relay, { name: 'Cursor' })
  const tokens = await other.connect({ scope: 'mcp:read' })
  const listed = await manage(relay, { action: 'list_connections' }, { token: access_token })
  expect(listed.body.connections).toMatchObject([
    { name: 'Cursor', kind: 'oauth', scope: 'mcp:read' },
    { name: 'Relay board', kind: 'oauth', scope: 'mcp', own: true },
  ])
  const [cursor, own] = listed.body.connections
  for (const { gid } of [cursor, own]) {
    const cut = await manage(relay, { action: 'disconnect', gid }, { token: access_token })
    expect([cut.status, cut.body.disconnected]).toEqual([200, true])
  }
  expect((await other.refresh(tokens.refresh_token)).body).toMatchObject({ error: 'invalid_grant' })
  expect((await board.refresh(refresh_token)).body).toMatchObject({ error: 'invalid_grant' })
  const after = await manage(relay, { action: 'list_connections' }, { token: access_token })
  expect([after.status, after.body.connections]).toEqual([401, undefined])
  // A new sign-in is a new connection.
  expect((await post(relay, (await other.connect()).access_token)).status).toBe(200)
})

test('a sign-in of the board ends itself, and the key of the relay has nothing to end', async () => {
  await using relay = await createTestRelay()
  const board = await boardOf(relay)
  const { access_token: token, refresh_token } = await board.connect()
  const { access_token: other } = await board.connect()
  const own = { action: 'disconnect', gid: 'own' }
  expect((await manage(relay, own)).status).toBe(404)
  expect((await manage(relay, own, { token })).status).toBe(200)
  expect((await post(relay, token)).status).toBe(401)
  expect((await board.refresh(refresh_token)).body).toMatchObject({ error: 'invalid_grant' })
  expect((await post(relay, other)).status).toBe(200)
  expect((await post(relay, relay.key)).status).toBe(200)
})

test('threads that are due for deletion are listed if the relay deletes any', async () => {
  for (const RELAY_DELETE_ARCHIVED_DAYS of ['30', undefined]) {
    await using relay = await createTestRelay({ bindings: { RELAY_DELETE_ARCHIVED_DAYS } })
    for (const thread_name of ['old', 'new']) {
      await relay.call('relay_post_message', { thread_name, content: 'x', surface: 'code' })
      await relay.call('relay_archive_thread', { thread_name })
    }
    const owner = await relay.database.connect('postgres')
    await owner.query(`update relay_threads set archived_at = now() - interval '31 days',
      last_message_at = now() - interval '31 days' where name = 'old'`)
    const { status, body } = await manage(relay, { action: 'list_due_threads' })
    const due = [{ thread_name: 'old', delete_at: expect.any(String) }]
    expect([status, body]).toEqual([200, { threads: RELAY_DELETE_ARCHIVED_DAYS ? due : [] }])
  }
})

test('cutting a connection off names the keys that it made', async () => {
  await using relay = await createTestRelay()
  const { access_token: token } = await (await boardOf(relay)).connect()
  const args = { action: 'make_key', name: 'ci', relay_key: relay.key }
  const { gid, key } = (await manage(relay, args, { token })).body
  await makeKey(relay, { name: 'made with the key of the relay' })
  const own = (await connections(relay)).find(({ kind }) => kind === 'oauth')
  const { body } = await manage(relay, { action: 'disconnect', gid: own.gid })
  expect(body.made_keys).toMatchObject([{ gid, name: 'ci', made_by: own.gid }])
  expect((await post(relay, key)).status).toBe(200)
})

/** Tokens that must not manage, each made from a relay with a key and a client's tokens. */
const STRANGERS: [string, (relay: TestRelay) => Promise<string>, number][] = [
  ['a key for one client', async (relay) => (await makeKey(relay)).key, 403],
  [
    'a key for one client that reads',
    async (relay) => (await makeKey(relay, { scope: 'mcp:read' })).key,
    403,
  ],
  [
    'another client',
    async (relay) => (await (await createOAuthClient(relay)).connect()).access_token,
    403,
  ],
  [
    'another client with the name of the board',
    async (relay) => {
      const client = await createOAuthClient(relay, { name: 'Relay board' })
      return (await client.connect()).access_token
    },
    403,
  ],
  [
    'the board, signed in to read',
    async (relay) => (await (await boardOf(relay)).connect({ scope: 'mcp:read' })).access_token,
    403,
  ],
  [
    'the board, with a token narrowed to reading',
    async (relay) => {
      const board = await boardOf(relay)
      const { refresh_token } = await board.connect()
      return (await board.refresh(refresh_token, { scope: 'mcp:read' })).body.access_token
    },
    403,
  ],
  [
    'a client whose token takes the grant of the board for its own',
    async (relay) => {
      const board = await boardOf(relay)
      const { access_token } = await board.connect()
      const { access_token: own } = await (await createOAuthClient(relay)).connect()
      const [, claims = ''] = access_token.split('.')
      const { gid } = JSON.parse(Buffer.from(claims, 'base64url').toString())
      return tampered(own, { claims: { gid } })
    },
    401,
  ],
  [
    'a refresh token of the board',
    async (relay) => (await (await boardOf(relay)).connect()).refresh_token,
    401,
  ],
  ['a code of the board', async (relay) => (await boardOf(relay)).authorize(), 401],
  [
    'a token of another relay',
    (relay) => forge(relay, 'access', { key: 'another key of thirty-two characters' }),
    401,
  ],
  [
    'a token for another issuer',
    (relay) => forge(relay, 'access', { claims: { iss: 'https://evil.example' } }),
    401,
  ],
  [
    'a token of another person',
    (relay) => forge(relay, 'access', { claims: { sub: 'someone-else' } }),
    401,
  ],
]

test.each(STRANGERS)('%s manages nothing', async (_, tokenOf, status) => {
  await using relay = await createTestRelay()
  const { gid } = await makeKey(relay, { name: 'bystander' })
  const token = await tokenOf(relay)
  const before = await state(relay)
  for (const body of [
    { action: 'list_connections' },
    { action: 'disconnect', gid },
    { action: 'disconnect', gid: 'own' },
    { action: 'list_due_threads' },
    { action: 'make_key', name: 'mine', relay_key: relay.key },
  ]) {
    const refused = await manage(relay, body, { token })
    expect(refused.status).toBe(status)
    expect(JSON.stringify(refused.body)).not.toMatch(/bystander|eyJ|connections/)
    expect(issues(refused)).toBe(false)
  }
  expect(await state(relay)).toEqual(before)
})

test('the board makes a key only with the key of the relay, and guessing is limited', async () => {
  await using relay = await createTestRelay()
  const { access_token: token } = await (await boardOf(relay)).connect()
  const before = await state(relay)
  const headers = { 'cf-connecting-ip': anyAddress() }
  const statuses: number[] = []
  for (const relay_key of [undefined, '', 'x'.repeat(43), token, ...Array(20).fill('guess')]) {
    const body = { action: 'make_key', name: 'mine', relay_key }
    const refused = await manage(relay, body, { token, headers })
    statuses.push(refused.status)
    expect(JSON.stringify(refused.body)).not.toContain('eyJ')
  }
  expect(statuses.slice(0, 4)).toEqual([400, 400, 403, 403])
  expect(statuses.at(-1)).toBe(429)
  expect(await state(relay)).toEqual(before)
  // A right key is not kept waiting by wrong ones, also as people paste it.
  const body = { action: 'make_key', name: 'mine', relay_key: ` Bearer ${relay.key}\n` }
  expect((await manage(relay, body, { token, headers })).status).toBe(200)
})

test.each(['https://evil.example', 'null', 'http://localhost:9999', 'http://127.0.0.1:9999'])(
  'a page of %s manages nothing, even if it has the key',
  async (origin) => {
    await using relay = await createTestRelay({
      bindings: { RELAY_ALLOWED_ORIGINS: 'https://evil.example' },
    })
    const body = { action: 'make_key', name: 'mine' }
    const refused = await manage(relay, body, { headers: { origin } })
    expect(refused.status).toBe(403)
    expect(refused.headers.get('access-control-allow-origin')).toBeNull()
    const preflight = await send(relay, '/manage', { method: 'OPTIONS', headers: { origin } })
    expect(preflight.headers.get('access-control-allow-origin')).toBeNull()
    expect(await state(relay)).toEqual([])
  },
)

test('the board of the relay itself may call it', async () => {
  await using relay = await createTestRelay()
  const headers = { origin: relay.url }
  expect((await manage(relay, { action: 'list_connections' }, { headers })).status).toBe(200)
})

test.each<[string, unknown, string]>([
  ['no action', {}, 'action must be one of'],
  ['an unknown action', { action: 'constructor' }, 'action must be one of'],
  ['an action that is no text', { action: ['disconnect'] }, 'action must be one of'],
  ['an array', [], 'must be a JSON object'],
  ['no JSON', '{', 'must be a JSON object'],
  ['no gid', { action: 'disconnect' }, 'gid is required'],
  ['a gid that is no text', { action: 'disconnect', gid: 7 }, 'gid must be a string'],
  ['a malformed gid', { action: 'disconnect', gid: "a' or true" }, 'gid must be the gid of'],
  ['the key of the relay', { action: 'disconnect', gid: 'key' }, 'npm run rotate'],
  ['no name', { action: 'make_key' }, 'name is required'],
  ['an invisible name', { action: 'make_key', name: '\u200b' }, 'name must have'],
  ['the name of the board', { action: 'make_key', name: 'RELAY\u00a0board' }, 'name must not be'],
  [
    'its name with an invisible letter',
    { action: 'make_key', name: 'Relay\u200b board' },
    'name must not be',
  ],
  ['an unknown scope', { action: 'make_key', name: 'x', scope: 'admin' }, 'scope must be one of'],
  [
    'an unknown argument',
    { action: 'make_key', name: 'x', gid: 'mine' },
    '"gid" is not an argument',
  ],
])('%s is refused with the argument and its rule', async (_, body, sentence) => {
  await using relay = await createTestRelay()
  const refused = await manage(relay, body)
  expect([refused.status, refused.body.error]).toEqual([400, 'invalid_arguments'])
  expect(refused.body.message).toContain(sentence)
  expect(await state(relay)).toEqual([])
})

test('a connection that does not exist is 404, and other methods and bodies are refused', async () => {
  await using relay = await createTestRelay()
  const missing = await manage(relay, { action: 'disconnect', gid: 'A'.repeat(16) })
  expect([missing.status, missing.body.error]).toEqual([404, 'connection_not_found'])
  const large = await manage(relay, { action: 'make_key', name: 'x'.repeat(16_384) })
  expect(large.status).toBe(413)
  const form = { headers: { 'content-type': 'text/plain' } }
  expect((await manage(relay, { action: 'make_key', name: 'x' }, form)).status).toBe(400)
  const get = await send(relay, '/manage', { headers: { authorization: `Bearer ${relay.key}` } })
  expect([get.status, get.headers.get('allow')]).toEqual([405, 'POST'])
  const query = await send(relay, `/manage?token=${relay.key}`, { method: 'POST', body: '{}' })
  expect(query.status).toBe(401)
  expect(await state(relay)).toEqual([])
})

test('a repeated disconnect changes nothing', async () => {
  await using relay = await createTestRelay()
  const { gid } = await makeKey(relay)
  await manage(relay, { action: 'disconnect', gid })
  const before = await state(relay)
  expect((await manage(relay, { action: 'disconnect', gid })).status).toBe(200)
  expect(await state(relay)).toEqual(before)
})

test('the log names the action, and nothing of its arguments or its answer', async () => {
  await using relay = await createTestRelay()
  const { gid, key } = await makeKey(relay, { name: 'Unmistakable', relay_key: 'a wrong key' })
  const line = await relay.log(({ action }) => action === 'make_key')
  expect(line).toMatchObject({ path: '/manage', status: 200, outcome: 'ok' })
  const log = JSON.stringify(relay.logs)
  for (const secret of ['Unmistakable', 'a wrong key', gid, key]) expect(log).not.toContain(secret)
})

test('each action is one request to the database', async () => {
  await using relay = await createTestRelay()
  const { gid } = await makeKey(relay)
  await connections(relay)
  await manage(relay, { action: 'disconnect', gid })
  expect([...relay.gateway.requests]).toEqual([['relay_manage', 3]])
})
