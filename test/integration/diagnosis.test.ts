/** GET /health tells its diagnosis to the holder of the key, and to no one else. */
import { expect, test } from 'vitest'
import { VERSION } from '../../src/mcp/protocol.ts'
import { startFaults } from '../support/faults.ts'
import { createOAuthClient } from '../support/oauth.ts'
import { createTestRelay, type TestRelay } from '../support/relay.ts'

const PUBLIC = { ok: true, service: 'relay-mcp', version: VERSION }

async function health(relay: TestRelay, authorization?: string) {
  const headers: Record<string, string> = authorization ? { authorization } : {}
  const response = await relay.fetch('/health', { headers })
  return { status: response.status, headers: response.headers, body: await response.json() }
}

const withKey = (relay: TestRelay) => health(relay, `Bearer ${relay.key}`)

test('the holder of the key learns the Worker’s view', async () => {
  await using relay = await createTestRelay()
  await relay.call('relay_post_message', { thread_name: 'a', content: 'x', surface: 'code' })
  const { status, headers, body } = await withKey(relay)
  expect(status).toBe(200)
  expect(headers.get('cache-control')).toBe('no-store')
  expect(body).toMatchObject({
    ...PUBLIC,
    issuer: relay.url,
    rate_limits: true,
    current_key: true,
    now: expect.stringMatching(/^\d{4}-.*Z$/),
    database: {
      schema_version: 1,
      thread_count: 1,
      message_count: 1,
      other_thread_count: 0,
      round_trip_ms: expect.any(Number),
      clock_difference_ms: expect.any(Number),
    },
  })
  expect(await relay.log((line) => line.path === '/health')).toMatchObject({
    method: 'GET',
    outcome: 'ok',
    db_ms: expect.any(Number),
  })
})

test('no one else learns anything, and the database is not asked', async () => {
  await using relay = await createTestRelay()
  expect((await health(relay)).body).toEqual(PUBLIC)
  const wrong = await health(relay, 'Bearer wrong')
  expect(wrong).toMatchObject({ status: 401, body: { error: 'invalid_token' } })
  expect(wrong.headers.get('www-authenticate')).toContain('/oauth-protected-resource/mcp"')
  expect(await health(relay, `Basic ${relay.key}`)).toMatchObject({ status: 401 })
  expect(relay.gateway.requests.size).toBe(0)
})

test('a token must be for everything', async () => {
  await using relay = await createTestRelay()
  const client = await createOAuthClient(relay)
  const whole = await client.connect()
  expect(await health(relay, `Bearer ${whole.access_token}`)).toMatchObject({ status: 200 })
  expect(await health(relay, `Bearer ${whole.refresh_token}`)).toMatchObject({ status: 401 })
  const { access_token } = await client.connect({ scope: 'mcp:read' })
  relay.gateway.requests.clear()
  const read = await health(relay, `Bearer ${access_token}`)
  expect(read).toMatchObject({ status: 403, body: { error: 'insufficient_scope' } })
  expect(relay.gateway.requests.size).toBe(0)
})

test('a wrong key learns nothing here', async () => {
  await using relay = await createTestRelay()
  const { status, body } = await health(relay, 'Bearer wrong')
  expect({ status, body }).toMatchObject({ status: 401, body: { error: 'invalid_token' } })
  expect(body).not.toHaveProperty('database')
  expect(relay.gateway.requests.size).toBe(0)
})

test('no value of a setting is revealed', async () => {
  await using relay = await createTestRelay({
    bindings: { RELAY_API_KEY_PREVIOUS: 'p'.repeat(40) },
  })
  const { body } = await health(relay, `Bearer ${'p'.repeat(40)}`)
  // A rotation must not begin with this one.
  expect(body).toMatchObject({ current_key: false })
  const told = JSON.stringify(body)
  expect(told).toContain('thread_count')
  const secrets = [relay.key, relay.serviceKey, relay.userId, relay.gateway.url, 'pppp']
  expect(secrets.filter((secret) => told.includes(secret))).toEqual([])
})

test('the holder of the key learns which settings were ignored', async () => {
  await using relay = await createTestRelay({
    bindings: { RELAY_ALLOWED_ORIGINS: 'https://a.example,no origin', RELAY_PUBLIC_URL: 'no URL' },
  })
  expect((await health(relay)).body).toEqual(PUBLIC)
  const { status, body } = await withKey(relay)
  expect(status).toBe(200)
  expect(body).toMatchObject({
    warnings: [
      expect.stringContaining('RELAY_PUBLIC_URL'),
      expect.stringContaining('RELAY_ALLOWED_ORIGINS'),
    ],
  })
  expect(JSON.stringify(body)).not.toContain('no origin')
})

test('incomplete settings are named to everyone, as without the key', async () => {
  await using relay = await createTestRelay({ bindings: { SUPABASE_URL: undefined } })
  const body = { ok: false, problems: ['SUPABASE_URL is missing.'] }
  expect(await health(relay)).toMatchObject({ status: 503, body })
  expect(await withKey(relay)).toEqual(
    expect.objectContaining({ status: 503, body: { ...PUBLIC, ...body } }),
  )
})

test.each([
  [{ status: 540, body: 'project paused' }, 'database_unreachable', '540'],
  ['refuse', 'database_unreachable', '0'],
  [{ status: 401, body: '{"message":"Invalid API key"}' }, 'service_key_refused', '401'],
  [{ status: 402, body: '{"message":"exceed_egress_quota"}' }, 'project_restricted', '402'],
  [{ status: 404, body: '{"code":"PGRST202","message":"x"}' }, 'migration_missing', 'PGRST202'],
  [{ status: 403, body: '{"code":"42501","message":"x"}' }, 'permission_denied', '42501'],
  // An empty 404 is to supabase-js an empty success.
  ['empty-404', 'database_answer_unexpected', '204'],
] as const)('%j is told as %s, %s', async (fault, code, apiCode) => {
  await using faults = await startFaults()
  await using relay = await createTestRelay({ faults })
  await faults.always(fault)
  const { status, body } = await withKey(relay)
  expect(status).toBe(503)
  expect(body).toMatchObject({ ok: false, database: { fault: code, api_code: apiCode } })
  expect(await relay.log()).toMatchObject({ path: '/health', outcome: 'failed', error_code: code })
})
