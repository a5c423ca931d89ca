/** POST /manage: connections, keys for one client, and attacks on both. */
import { expect, test } from 'vitest'
import { callWith, send } from '../support/oauth.ts'
import { createTestRelay, type TestRelay } from '../support/relay.ts'

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
