/**
 * The checks of the official scenario events-webhook. Not here:
 * - `error-unsupported`: the one type can be delivered by webhook. Another mode is -32014 (webhooks.test.ts).
 * - `ttl-no-expiry-persisted`, `ttl-no-expiry-gc-terminated`: a subscription always ends within a day.
 * `subscribe-auth-required` is met by HTTP, before any method: 401, and 403 for a token that may only read.
 * `unsubscribe-unknown-not-found` is met only for a client that declares the extension, which the suite does
 * not: ChatGPT expects no error when a subscription is ended twice.
 */
import { expect, test } from 'vitest'
import {
  createSecret,
  makeKey,
  post,
  signatureOf,
  startRelay,
} from '../../integration/events/receiver.ts'
import { INVALID_PARAMS, type Json, NOT_FOUND, suiteOf } from './suite.ts'

const URL = 'https://receiver.example/mcp-events'
const HOUR = 3_600_000

/** A relay with a receiver, and a client with a key of its own. */
async function start() {
  const started = await startRelay()
  const key = await makeKey(started.relay)
  return { ...started, key, ...suiteOf(started.relay, key) }
}

const fromNow = (time: string) => Date.parse(time) - Date.now()

/** The result of a subscription for an hour. */
const RESULT: [string, (subscribed: Json) => void][] = [
  ['subscribe-webhook-only', (subscribed) => expect(subscribed).not.toHaveProperty('code')],
  ['subscribe-response-cursor', ({ cursor }) => expect(typeof cursor).toBe('string')],
  ['subscribe-response-truncated', ({ truncated }) => expect(truncated).toBe(false)],
  ['subscribe-id-derived', ({ id }) => expect(id).toMatch(/^sub_[\da-f]{32}$/)],
  [
    'ttl-null-only-when-requested',
    ({ refreshBefore }) => expect(fromNow(refreshBefore)).toBeGreaterThan(0),
  ],
  [
    'ttl-refresh-before-lte-suggestion',
    ({ refreshBefore }) => expect(fromNow(refreshBefore)).toBeLessThanOrEqual(HOUR),
  ],
]

test.each(RESULT)('events-webhook: %s', async (_, check) => {
  await using client = await start()
  check(await client.subscribe(URL, createSecret(), { ttlMs: HOUR }))
})

/** Whatever lifetime a client asks for, it gets one, and never more than a day. */
test.each([
  ['ttl-omitted-means-default', undefined, 21.6],
  ['ttl-no-rejection-path', 1000, 0.15],
  ['ttl-no-rejection-path', 30 * 24 * HOUR, 21.6],
  ['ttl-no-rejection-path', null, 21.6],
])('events-webhook: %s (%s)', async (_, ttlMs, hours) => {
  await using client = await start()
  const { refreshBefore } = await client.subscribe(URL, createSecret(), { ttlMs })
  expect(fromNow(refreshBefore) / HOUR).toBeCloseTo(hours, 1)
})

test.each([
  ['subscribe-secret-required', URL, undefined],
  ['subscribe-secret-format', URL, 'not-a-standard-webhooks-secret'],
  ['subscribe-secret-rejected', URL, `whsec_${Buffer.alloc(8).toString('base64')}`],
  ['subscribe-url-https-required', 'http://receiver.example/insecure', createSecret()],
  ['subscribe-url-non-https-rejected', 'http://receiver.example/insecure', createSecret()],
])('events-webhook: %s', async (_, url, secret) => {
  await using client = await start()
  expect(await client.subscribe(url, secret)).toMatchObject({ code: INVALID_PARAMS })
  expect(client.outside.deliveries).toEqual([])
})

test('events-webhook: subscribe-auth-required', async () => {
  await using client = await start()
  const { relay, outside } = client
  for (const method of ['events/subscribe', 'events/unsubscribe']) {
    const params = { name: 'message.posted', delivery: { mode: 'webhook', url: URL } }
    const request = { jsonrpc: '2.0', id: 1, method, params }
    const none = await relay.rpc(request, { authorization: '' })
    expect([none.status, none.headers.has('www-authenticate')]).toEqual([401, true])
    const reading = await makeKey(relay, 'mcp:read')
    expect(await relay.rpc(request, { authorization: `Bearer ${reading}` })).toMatchObject({
      status: 403,
    })
  }
  expect(outside.deliveries).toEqual([])
})

test('events-webhook: subscribe-idempotent-upsert', async () => {
  await using client = await start()
  const first = await client.subscribe(URL, createSecret(), { ttlMs: HOUR })
  const again = await client.subscribe(URL, createSecret(), { ttlMs: 2 * HOUR })
  expect(again.id).toBe(first.id)
  expect(fromNow(again.refreshBefore)).toBeGreaterThan(1.7 * HOUR)
  await post(client.relay)
  await expect.poll(() => client.receiver.events).toHaveLength(1)
})

/** All four components make another subscription: the connection, the URL, the type and the arguments. */
test.each([['subscribe-key-composition'], ['subscribe-key-immutable']])(
  'events-webhook: %s',
  async () => {
    await using client = await start()
    const { relay, subscribe } = client
    const secret = createSecret()
    const args = (thread_name: string) => ({ arguments: { thread_name } })
    const ids = [
      await subscribe(URL, secret),
      await subscribe(`${URL}/other`, secret),
      await subscribe(URL, secret, args('a')),
      await subscribe(URL, secret, args('b')),
      await suiteOf(relay, await makeKey(relay)).subscribe(URL, secret),
    ].map(({ id }) => id)
    expect(new Set(ids).size).toBe(5)
    expect(ids).not.toContain(undefined)
    expect((await subscribe(URL, secret)).id).toBe(ids[0])
  },
)

test('events-webhook: subscribe-id-not-an-input', async () => {
  await using client = await start()
  const { relay, receiver, subscribe } = client
  const { id } = await subscribe(URL, createSecret())
  // Another client learns the id.
  const stranger = suiteOf(relay, await makeKey(relay))
  const byId = await stranger.subscribe(`${URL}/other`, createSecret(), { id })
  expect(byId.id).not.toBe(id)
  await stranger.ask('events/unsubscribe', {
    id,
    name: 'message.posted',
    delivery: { url: `${URL}/other` },
  })
  await post(relay)
  await expect.poll(() => receiver.events.map(({ url }) => url)).toEqual([URL])
})

test('events-webhook: subscribe-cross-tenant-isolation', async () => {
  await using client = await start()
  const { relay, receiver, subscribe } = client
  const [own, others] = [createSecret(), createSecret()]
  const { id } = await subscribe(URL, own)
  const stranger = suiteOf(relay, await makeKey(relay))
  // It knows the address and the arguments, and neither replaces nor ends what is not its own.
  await stranger.subscribe(URL, others)
  await stranger.unsubscribe(URL)
  await post(relay)
  await expect.poll(() => receiver.events).toHaveLength(1)
  const [event] = receiver.events
  expect(event?.headers['x-mcp-subscription-id']).toBe(id)
  expect(event?.headers['webhook-signature']).toBe(signatureOf(event as never, own))
})

test('events-webhook: subscribe-refresh-replaces-secret', async () => {
  await using client = await start()
  const { relay, receiver, subscribe } = client
  await subscribe(URL, createSecret())
  const second = createSecret()
  await subscribe(URL, second)
  const owner = await relay.database.connect('postgres')
  await owner.query('update relay_targets set previous_until = now()')
  await post(relay)
  await expect.poll(() => receiver.events).toHaveLength(1)
  const [event] = receiver.events
  expect(event?.headers['webhook-signature']).toBe(signatureOf(event as never, second))
})

test('events-webhook: subscribe-refresh-reactivates', async () => {
  await using client = await start()
  const { relay, receiver, subscribe } = client
  await subscribe(URL, createSecret())
  const owner = await relay.database.connect('postgres')
  await owner.query(`update relay_targets set failures = 10, last_error = 'timeout'`)
  await post(relay)
  expect((await owner.query('select from relay_deliveries')).rowCount).toBe(0)
  const renewed = await subscribe(URL, createSecret())
  expect(renewed.deliveryStatus).toMatchObject({ active: false, lastError: 'timeout' })
  await post(relay)
  await expect.poll(() => receiver.events.map(({ body }) => body.data.seq)).toEqual([2])
})

/** A subscription is in the database, and nothing else holds it. */
test('events-webhook: ttl-long-grant-retained', async () => {
  await using client = await start()
  const { relay, receiver, subscribe } = client
  const { id } = await subscribe(URL, createSecret(), { ttlMs: 24 * HOUR })
  const owner = await relay.database.connect('postgres')
  await owner.query(
    `update relay_targets set created_at = created_at - interval '23 hours',
      expires_at = expires_at - interval '23 hours'`,
  )
  await relay.runScheduled()
  await post(relay)
  await expect.poll(() => receiver.events).toHaveLength(1)
  expect(receiver.events[0]?.headers['x-mcp-subscription-id']).toBe(id)
})

test('events-webhook: unsubscribe-by-key', async () => {
  await using client = await start()
  const { relay, receiver, subscribe, unsubscribe } = client
  await subscribe(URL, createSecret())
  expect(await unsubscribe(URL)).not.toHaveProperty('code')
  await post(relay)
  const owner = await relay.database.connect('postgres')
  expect((await owner.query('select from relay_deliveries')).rowCount).toBe(0)
  expect(receiver.events).toEqual([])
})

test('events-webhook: unsubscribe-unknown-not-found', async () => {
  await using client = await start()
  const { relay, key, unsubscribe } = client
  const never = `${URL}/never-subscribed`
  const extensions = { 'io.modelcontextprotocol/events': {} }
  expect(await suiteOf(relay, key, { extensions }).unsubscribe(never)).toMatchObject({
    code: NOT_FOUND,
    data: { kind: 'subscription' },
  })
  expect(await unsubscribe(never)).toEqual({ resultType: 'complete', _meta: expect.anything() })
})
