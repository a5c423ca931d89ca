/**
 * The checks of the official scenario events-webhook-delivery. Not here:
 * - `envelope-gap`, `envelope-terminated`: the relay does not send them. A renewal says both.
 * - `server-identity-key-discovery`: signatures are symmetric, so there is no key to find.
 * - `verification-persisted-for-no-expiry`: a subscription always ends.
 * - `ssrf-validate-at-delivery-time` for addresses: Cloudflare has no private network, and at home workerd
 *   refuses to connect to one (test/integration/local/network.test.ts). The settings are checked again here.
 * The suite's own run fails `ssrf-validate-callback-url` at a relay whose owner has allowed its receiver on
 * loopback with RELAY_EVENT_HOSTS, without which nothing can be delivered to it.
 */
import type { ServerResponse } from 'node:http'
import { expect, test } from 'vitest'
import {
  createSecret,
  makeKey,
  post,
  type Received,
  signatureOf,
  startRelay,
} from '../../integration/events/receiver.ts'
import { CALLBACK_ENDPOINT_ERROR, INVALID_PARAMS, type Json, suiteOf, TIME } from './suite.ts'

const URL = 'https://receiver.example/wk/hook'

async function start() {
  const started = await startRelay()
  return { ...started, ...suiteOf(started.relay, await makeKey(started.relay)) }
}

type Client = Awaited<ReturnType<typeof start>>

/** Subscribes, has two messages posted, and returns what the receiver got. */
async function receiveTwo({ relay, receiver, subscribe }: Client) {
  const secret = createSecret()
  const { id } = await subscribe(URL, secret)
  await post(relay)
  await post(relay)
  await expect.poll(() => receiver.events).toHaveLength(2)
  const [challenge] = receiver.challenges as [Received]
  return { id, secret, challenge, events: receiver.events, all: [challenge, ...receiver.events] }
}

const DELIVERY: [string, (got: Awaited<ReturnType<typeof receiveTwo>>, client: Client) => void][] =
  [
    [
      'delivery-post-json',
      ({ all }, { outside }) => {
        expect(outside.deliveries.map(({ method }) => method)).toEqual(['POST', 'POST', 'POST'])
        const types = all.map(({ headers }) => headers['content-type'])
        expect(types).toEqual(Array(3).fill('application/json'))
      },
    ],
    [
      'delivery-standard-webhooks-headers',
      ({ all }) => {
        for (const { headers } of all) {
          expect(headers['webhook-id']).toMatch(/^[\w-]+$/)
          expect(Math.abs(Date.now() / 1000 - Number(headers['webhook-timestamp']))).toBeLessThan(
            300,
          )
          expect(headers['webhook-signature']).toMatch(/^v1,[\w+/]{43}=$/)
        }
      },
    ],
    [
      'delivery-subscription-id-header',
      ({ id, all }) =>
        expect(all.map(({ headers }) => headers['x-mcp-subscription-id'])).toEqual([id, id, id]),
    ],
    [
      'delivery-signature-formula',
      ({ secret, all }) => {
        for (const received of all) {
          expect(received.headers['webhook-signature']).toBe(signatureOf(received, secret))
        }
      },
    ],
    [
      'delivery-body-size',
      ({ all }) => expect(Math.max(...all.map(({ text }) => text.length))).toBeLessThan(2048),
    ],
    [
      'verification-required-before-delivery',
      ({ challenge }, { outside }) => expect(outside.deliveries[0]?.text).toBe(challenge.text),
    ],
    [
      'verification-challenge-echo',
      ({ challenge }) =>
        expect(challenge.body).toEqual({
          type: 'verification',
          challenge: expect.stringMatching(/^[\w-]{22,}$/),
        }),
    ],
    [
      'verification-uses-ssrf-hardened-path',
      // The same headers, except those that depend on the text, and the same rules for both.
      ({ all }) => {
        const names = all.map(({ headers }) => Object.keys(headers).sort())
        expect(names[1]).toEqual(names[0])
      },
    ],
    [
      'envelope-type-discriminator',
      ({ challenge, events }) => {
        expect(challenge.body).not.toHaveProperty('eventId')
        for (const { body } of events) {
          expect(body).not.toHaveProperty('type')
          expect(body).toMatchObject({
            eventId: expect.any(String),
            timestamp: expect.stringMatching(TIME),
          })
        }
      },
    ],
    [
      'envelope-signed-like-deliveries',
      ({ challenge, secret }) =>
        expect(challenge.headers['webhook-signature']).toBe(signatureOf(challenge, secret)),
    ],
    [
      'envelope-webhook-id-format',
      ({ challenge }) =>
        expect(challenge.headers['webhook-id']).toMatch(/^msg_verification_[\w-]{16,}$/),
    ],
  ]

test.each(DELIVERY)('events-webhook-delivery: %s', async (_, check) => {
  await using client = await start()
  check(await receiveTwo(client), client)
})

test('events-webhook-delivery: delivery-dual-sign-on-rotation', async () => {
  await using client = await start()
  const { relay, receiver, subscribe } = client
  const [old, fresh] = [createSecret(), createSecret()]
  await subscribe(URL, old)
  await subscribe(URL, fresh)
  await post(relay)
  await expect.poll(() => receiver.events).toHaveLength(1)
  const event = receiver.events[0] as Received
  const signatures = `${signatureOf(event, fresh)} ${signatureOf(event, old)}`
  expect(event.headers['webhook-signature']).toBe(signatures)
})

test.each([['delivery-retry-regenerates-signature'], ['delivery-retries-bounded']])(
  'events-webhook-delivery: %s',
  async () => {
    await using client = await start()
    const { relay, receiver, subscribe } = client
    const secret = createSecret()
    await subscribe(URL, secret)
    receiver.answer = (response) => response.writeHead(503).end()
    await post(relay)
    const owner = await relay.database.connect('postgres')
    for (let attempt = 1; attempt <= 5; attempt += 1) {
      await expect.poll(() => receiver.events).toHaveLength(attempt)
      const settled = 'select from relay_deliveries where attempts = $1'
      await expect.poll(async () => (await owner.query(settled, [attempt])).rowCount).toBe(1)
      const { headers } = receiver.events.at(-1) as Received
      expect(headers['webhook-signature']).toBe(
        signatureOf(receiver.events.at(-1) as Received, secret),
      )
      await owner.query('update relay_deliveries set due_at = now() where due_at is not null')
      await relay.call('relay_list_threads')
    }
    const [first, second] = receiver.events.map(({ headers }) => headers)
    expect(second?.['webhook-id']).toBe(first?.['webhook-id'])
    expect(
      (await owner.query('select from relay_deliveries where due_at is not null')).rowCount,
    ).toBe(0)
    const { deliveryStatus } = await subscribe(URL, secret)
    expect(deliveryStatus).toMatchObject({ active: true, lastError: 'http_5xx' })
  },
)

test.each([
  ['delivery-410-non-retryable', 410],
  ['delivery-413-non-retryable', 413],
])('events-webhook-delivery: %s', async (_, status) => {
  await using client = await start()
  const { relay, receiver, subscribe } = client
  await subscribe(URL, createSecret())
  receiver.answer = (response) => response.writeHead(status).end()
  await post(relay)
  await post(relay)
  // The second comes because the first is over.
  await expect.poll(() => receiver.events.map(({ body }) => body.data.seq)).toEqual([1, 2])
})

/** Failures that a receiver causes, of which only the kind is told. */
test.each<[string, (response: ServerResponse, challenge: string) => unknown, string]>([
  ['verification-failure-error', (r) => r.end('{"challenge":"not-the-nonce"}'), 'challenge_failed'],
  ['error-callback-endpoint-error', (r) => r.socket?.destroy(), 'connection_refused'],
  [
    'verification-no-raw-endpoint-responses',
    (r) => r.writeHead(500, { 'x-secret': 'SECRET WORDS' }).end('SECRET WORDS'),
    'http_5xx',
  ],
])('events-webhook-delivery: %s', async (_, answer, reason) => {
  await using client = await start()
  const { relay, receiver, subscribe } = client
  receiver.answerChallenge = (response, { challenge }) => answer(response, challenge)
  const refused = await subscribe(URL, createSecret())
  expect(refused).toEqual({
    code: CALLBACK_ENDPOINT_ERROR,
    message: expect.stringMatching(/./),
    data: { reason },
  })
  await post(relay)
  expect(receiver.events).toEqual([])
  expect(JSON.stringify([refused, relay.logs])).not.toMatch(/SECRET|not-the-nonce/)
})

test('events-webhook-delivery: delivery-status-last-error-category', async () => {
  await using client = await start()
  const { relay, receiver, subscribe } = client
  const secret = createSecret()
  await subscribe(URL, secret)
  receiver.answer = (response) => response.writeHead(404).end('SECRET WORDS')
  await post(relay)
  await expect
    .poll(async () => (await subscribe(URL, secret)).deliveryStatus)
    .toMatchObject({
      active: true,
      lastError: 'http_4xx',
      failedSince: expect.stringMatching(TIME),
    })
})

test('events-webhook-delivery: verification-cached-per-principal-url', async () => {
  await using client = await start()
  const { relay, receiver, subscribe } = client
  const secret = createSecret()
  await subscribe(URL, secret)
  await subscribe(URL, secret, { arguments: { thread_name: 'release' } })
  expect(receiver.challenges).toHaveLength(1)
  await subscribe(`${URL}/other`, secret)
  await suiteOf(relay, await makeKey(relay)).subscribe(URL, secret)
  expect(receiver.challenges.map(({ url }) => url)).toEqual([URL, `${URL}/other`, URL])
})

test.each([
  ['ssrf-validate-callback-url', 'http://127.0.0.1:9000/'],
  ['ssrf-reject-non-routable', 'https://127.0.0.1:9000/'],
  ['ssrf-reject-non-routable', 'https://10.0.0.1/'],
  ['ssrf-reject-non-routable', 'https://169.254.169.254/latest/meta-data'],
  ['ssrf-reject-non-routable', 'https://[fd00::1]/'],
])('events-webhook-delivery: %s (%s)', async (_, url) => {
  await using client = await start()
  expect(await client.subscribe(url, createSecret())).toMatchObject({ code: INVALID_PARAMS })
  expect(client.outside.deliveries).toEqual([])
})

/** A URL that was accepted by other settings. */
test('events-webhook-delivery: ssrf-validate-at-delivery-time', async () => {
  await using client = await start()
  const { relay, receiver, outside, subscribe } = client
  await subscribe(URL, createSecret())
  const owner = await relay.database.connect('postgres')
  await owner.query(`update relay_targets set url = 'https://10.0.0.1/'`)
  await post(relay)
  await expect.poll(async () => (await owner.query('select from relay_targets')).rowCount).toBe(0)
  expect(receiver.events).toEqual([])
  expect(outside.deliveries).toHaveLength(1)
})

test('events-webhook-delivery: ssrf-no-redirects', async () => {
  await using client = await start()
  const { relay, receiver, outside, subscribe } = client
  await subscribe(URL, createSecret())
  receiver.answer = (response) =>
    response.writeHead(302, { location: 'https://receiver.example/target' }).end()
  await post(relay)
  await relay.log(({ event }: Json) => event === 'delivery')
  expect(outside.deliveries.map(({ url }) => url)).toEqual([URL, URL])
})
