/** Subscriptions and their deliveries over the real Worker, and receivers of every kind. */
import type { ServerResponse } from 'node:http'
import { expect, test } from 'vitest'
import {
  clientOf,
  createSecret,
  makeKey,
  post,
  signatureOf,
  startRelay,
  URL_OF_RECEIVER,
} from './receiver.ts'

test('a receiver proves itself, and gets a signed event without the text', async () => {
  await using started = await startRelay({})
  const { relay, receiver, subscribe } = started
  const secret = createSecret()
  const subscribed = await subscribe(secret, { arguments: { reader_tag: 'planner' } })
  expect(subscribed).toMatchObject({
    id: expect.stringMatching(/^sub_[\da-f]{32}$/),
    truncated: false,
  })
  const left = Date.parse(subscribed.refreshBefore) - Date.now()
  expect(left / 3_600_000).toBeCloseTo(21.6, 1)
  const [challenge] = receiver.challenges
  expect(challenge?.url).toBe(URL_OF_RECEIVER)
  expect(challenge?.headers['x-mcp-subscription-id']).toBe(subscribed.id)
  expect(challenge?.headers['webhook-signature']).toBe(signatureOf(challenge as never, secret))

  const posted = await post(relay, { reader_tag: 'ci', to: 'planner' })
  await expect.poll(() => receiver.events).toHaveLength(1)
  const [event] = receiver.events
  expect(event?.body).toEqual({
    eventId: event?.headers['webhook-id'],
    name: 'message.posted',
    timestamp: expect.stringMatching(/Z$/),
    data: {
      thread_name: 'release',
      seq: 1,
      from: 'ci',
      to: 'planner',
      surface: 'code',
      posted_at: event?.body.timestamp,
      link: `${relay.url}/board/#/t/release/1`,
    },
    cursor: expect.any(String),
  })
  expect(event?.headers['x-mcp-subscription-id']).toBe(subscribed.id)
  expect(event?.headers['webhook-signature']).toBe(signatureOf(event as never, secret))
  expect(event?.headers).not.toHaveProperty('authorization')
  expect(JSON.stringify([receiver.events, receiver.challenges])).not.toMatch(
    `what only|${relay.key}`,
  )
  expect(JSON.stringify([posted, relay.logs])).not.toMatch(/receiver\.example|a-secret|whsec/)
})

test('only messages for the subscription come, and each of them once', async () => {
  await using started = await startRelay({})
  const { relay, receiver, subscribe } = started
  await subscribe(createSecret(), { arguments: { reader_tag: 'planner' } })
  await post(relay, { reader_tag: 'ci' })
  await post(relay, { reader_tag: 'ci', to: 'nightly' })
  await post(relay, { reader_tag: 'planner', to: 'planner' })
  await post(relay, { reader_tag: 'ci', to: 'planner', idempotency_key: 'one' })
  await post(relay, { reader_tag: 'ci', to: 'planner', idempotency_key: 'one' })
  await post(relay, { reader_tag: 'ci', to: '@Planner' })
  await expect.poll(() => receiver.events).toHaveLength(2)
  expect(receiver.events.map(({ body }) => body.data.seq)).toEqual([4, 5])
})

test('a renewal keeps the id and asks no proof again, and both secrets sign for a while', async () => {
  await using started = await startRelay({})
  const { relay, receiver, subscribe } = started
  const [first, second] = [createSecret(), createSecret()]
  const made = await subscribe(first)
  const renewed = await subscribe(second, { cursor: made.cursor, ttlMs: 3_600_000 })
  expect(renewed).toMatchObject({
    id: made.id,
    truncated: false,
    deliveryStatus: { active: true, lastDeliveryAt: null, lastError: null },
  })
  expect(Date.parse(renewed.refreshBefore) - Date.now()).toBeLessThan(3_300_000)
  expect(receiver.challenges).toHaveLength(1)
  await post(relay)
  await expect.poll(() => receiver.events).toHaveLength(1)
  const [event] = receiver.events
  expect(event?.headers['webhook-signature']?.toString().split(' ')).toEqual([
    signatureOf(event as never, second),
    signatureOf(event as never, first),
  ])
})

test.each([
  [null, 24 * 0.9],
  ['soon', 24 * 0.9],
  [1, 0.9 / 6],
  [1e15, 24 * 0.9],
])('a lifetime of %s is made one that the relay gives', async (ttlMs, hours) => {
  await using started = await startRelay({})
  const { refreshBefore } = await started.subscribe(createSecret(), { ttlMs })
  expect((Date.parse(refreshBefore) - Date.now()) / 3_600_000).toBeCloseTo(hours, 1)
})

test('unsubscribing ends it; a second time is an error only for clients that declare the extension', async () => {
  await using started = await startRelay({})
  const { relay, receiver, subscribe, unsubscribe } = started
  await subscribe(createSecret())
  expect(await unsubscribe({ delivery: { url: URL_OF_RECEIVER } })).toEqual({})
  await post(relay)
  await post(relay, { to: 'board' })
  expect(receiver.events).toEqual([])
  expect(await unsubscribe()).toEqual({})
  const declared = { extensions: { 'io.modelcontextprotocol/events': {} } }
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientCapabilities': declared,
  }
  const { status, body } = await relay.rpc(
    {
      jsonrpc: '2.0',
      id: 1,
      method: 'events/unsubscribe',
      params: { name: 'message.posted', delivery: { url: URL_OF_RECEIVER }, _meta },
    },
    { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'events/unsubscribe' },
  )
  expect([status, body.error]).toMatchObject([
    200,
    { code: -32011, data: { kind: 'subscription' } },
  ])
})

test('messages come in order, one at a time, whatever the receiver answers first', async () => {
  await using started = await startRelay({})
  const { relay, receiver, subscribe } = started
  await subscribe(createSecret())
  const open: ServerResponse[] = []
  receiver.answer = (response) => open.push(response)
  for (const seq of [1, 2, 3]) {
    expect((await post(relay)).structuredContent).toMatchObject({ seq })
  }
  for (const seq of [1, 2, 3]) {
    await expect.poll(() => receiver.events.map(({ body }) => body.data.seq)).toHaveLength(seq)
    expect(receiver.events.at(-1)?.body.data.seq).toBe(seq)
    open.at(-1)?.writeHead(204).end()
  }
})

/** How a receiver answers; whether it is asked again; and what a renewal says. */
test.each<[string, (response: ServerResponse) => unknown, boolean, string | null]>([
  ['200', (response) => response.end('ok'), false, null],
  ['204', (response) => response.writeHead(204).end(), false, null],
  ['410', (response) => response.writeHead(410).end(), false, 'http_4xx'],
  ['413', (response) => response.writeHead(413).end(), false, 'http_4xx'],
  ['401', (response) => response.writeHead(401).end('SECRET WORDS'), true, 'http_4xx'],
  ['425', (response) => response.writeHead(425).end(), true, 'http_4xx'],
  ['500', (response) => response.writeHead(500).end('SECRET WORDS'), true, 'http_5xx'],
  ['503', (response) => response.writeHead(503).end(), true, 'http_5xx'],
  [
    "with Cloudflare's page for a wrong certificate",
    (r) => r.writeHead(526).end(),
    true,
    'tls_error',
  ],
  ["with Cloudflare's page for no answer", (r) => r.writeHead(522).end(), true, 'timeout'],
  [
    'a redirect',
    (response) => response.writeHead(302, { location: 'https://evil.example/' }).end(),
    true,
    'http_4xx',
  ],
  [
    'a broken connection',
    (response) => response.socket?.resetAndDestroy(),
    true,
    'connection_refused',
  ],
  ['nothing', () => {}, true, 'timeout'],
])('a receiver that answers %s', async (_, fail, isAskedAgain, error) => {
  await using started = await startRelay({})
  const { relay, outside, receiver, subscribe } = started
  const secret = createSecret()
  await subscribe(secret)
  receiver.answer = fail
  await post(relay)
  const owner = await relay.database.connect('postgres')
  const waits = 'select attempts, due_at is not null as waits from relay_deliveries'
  await expect
    .poll(async () => (await owner.query(waits)).rows)
    .toEqual([{ attempts: 1, waits: isAskedAgain }])
  expect((await subscribe(secret)).deliveryStatus).toMatchObject(
    error ? { lastError: error } : { lastError: null, lastDeliveryAt: expect.any(String) },
  )
  expect(outside.deliveries.filter(({ url }) => url !== URL_OF_RECEIVER)).toEqual([])
  const said = JSON.stringify([relay.logs, await subscribe(secret)])
  expect(said).not.toMatch(/SECRET WORDS|receiver\.example|a-secret|evil/)
})

test('a failed delivery is sent again, with the same id and a new signature', async () => {
  await using started = await startRelay({})
  const { relay, receiver, subscribe } = started
  const secret = createSecret()
  await subscribe(secret)
  receiver.answer = (response) => response.writeHead(receiver.events.length > 1 ? 200 : 503).end()
  await post(relay)
  await expect.poll(() => receiver.events).toHaveLength(2)
  const [first, second] = receiver.events
  expect(second?.headers['webhook-id']).toBe(first?.headers['webhook-id'])
  expect(second?.headers['webhook-signature']).toBe(signatureOf(second as never, secret))
  expect(second?.headers['webhook-signature']).not.toBe(first?.headers['webhook-signature'])
})

test('a receiver that says when to ask again is asked then', async () => {
  await using started = await startRelay({})
  const { relay, receiver, subscribe } = started
  await subscribe(createSecret())
  receiver.answer = (response) => response.writeHead(429, { 'retry-after': '300' }).end()
  await post(relay)
  await relay.log(({ event }) => event === 'delivery')
  const owner = await relay.database.connect('postgres')
  const waits = 'select extract(epoch from due_at - now())::int as seconds from relay_deliveries'
  await expect.poll(async () => (await owner.query(waits)).rows[0].seconds).toBeGreaterThan(290)
})

test('a body that never ends is not read', async () => {
  await using started = await startRelay({})
  const { relay, receiver, subscribe } = started
  const secret = createSecret()
  await subscribe(secret)
  let poured = 0
  receiver.answer = (response) => {
    const pour = () =>
      response.write('x'.repeat(100_000), () => {
        poured += 100_000
        if (!response.closed) pour()
      })
    response.writeHead(200)
    pour()
  }
  await post(relay)
  await expect
    .poll(async () => (await subscribe(secret)).deliveryStatus)
    .toMatchObject({ lastDeliveryAt: expect.any(String) })
  expect(poured).toBeLessThan(20_000_000)
})

/** Answers to the challenge that prove nothing. */
test.each<[string, (response: ServerResponse, challenge: string) => unknown, string]>([
  ['another text', (response) => response.end('{"challenge":"x"}'), 'challenge_failed'],
  ['no JSON', (response) => response.end('SECRET WORDS'), 'challenge_failed'],
  ['the text in another place', (response, text) => response.end(text), 'challenge_failed'],
  [
    'too much',
    (response, challenge) => response.end(JSON.stringify({ challenge, more: 'x'.repeat(10_000) })),
    'challenge_failed',
  ],
  [
    'a refusal',
    (response, challenge) => response.writeHead(403).end(JSON.stringify({ challenge })),
    'http_4xx',
  ],
  [
    'a redirect',
    (response) => response.writeHead(307, { location: 'https://evil.example/' }).end(),
    'http_4xx',
  ],
  ['an error', (response) => response.writeHead(500).end(), 'http_5xx'],
  ['nothing', () => {}, 'timeout'],
  ['half an answer', (response) => response.write('{"challenge":'), 'challenge_failed'],
  ['no connection', (response) => response.socket?.resetAndDestroy(), 'connection_refused'],
])('a challenge that is answered with %s makes no subscription', async (_, answer, reason) => {
  await using started = await startRelay({})
  const { relay, outside, receiver, subscribe } = started
  receiver.answerChallenge = (response, { challenge }) => answer(response, challenge)
  const refused = await subscribe(createSecret())
  expect(refused).toMatchObject({ code: -32015, data: { reason } })
  expect(JSON.stringify(refused)).not.toMatch(/SECRET|a-secret/)
  await post(relay)
  expect(receiver.events).toEqual([])
  expect(outside.deliveries).toHaveLength(1)
  const owner = await relay.database.connect('postgres')
  expect((await owner.query('select from relay_targets')).rowCount).toBe(0)
})

test.each([
  ['http', 'http://receiver.example/hook', -32602],
  ['no URL', 'receiver.example', -32602],
  ['user name and password', 'https://a:b@receiver.example/hook', -32602],
  ['a fragment', 'https://receiver.example/hook#x', -32602],
  ['another port', 'https://receiver.example:8443/hook', -32602],
  ['an address', 'https://93.184.216.34/hook', -32602],
  ['an address of this machine', 'https://0x7f000001/', -32602],
  ['an IPv6 address', 'https://[2606:2800:220:1::1]/', -32602],
  ['this machine', 'https://localhost/hook', -32602],
  ['a name of the network', 'https://printer.local/hook', -32602],
  ['a name without a domain', 'https://intranet/hook', -32602],
  ['a name with a dot at its end', 'https://receiver.example./hook', -32602],
  ['a line break', 'https://receiver.example/hook\r\nX-A: b', -32602],
  ['a zero byte', 'https://receiver.example/?a=\0', -32602],
  ['a space before it', ' https://receiver.example/hook', -32602],
  ['half of a surrogate pair', 'https://receiver.example/\ud800', -32602],
  ['a very long URL', `https://receiver.example/${'x'.repeat(2100)}`, -32602],
  ['a host that is not allowed', 'https://evil.example/hook', -32012],
  ['a subdomain of one that is', 'https://a.receiver.example/hook', -32012],
])('a receiver at %s is refused, and nothing is sent', async (_, url, code) => {
  await using started = await startRelay()
  expect(await started.subscribe(createSecret(), { delivery: { url } })).toMatchObject({ code })
  expect(started.outside.deliveries).toEqual([])
})

test('the relay itself is refused as a receiver, since it would wake itself', async () => {
  await using started = await startRelay({
    RELAY_PUBLIC_URL: 'https://relay.example',
    RELAY_EVENT_HOSTS: '*',
  })
  for (const url of ['https://relay.example/hook', 'https://relay.example./hook']) {
    expect(await started.subscribe(createSecret(), { delivery: { url } })).toMatchObject({
      code: -32602,
    })
  }
  expect(started.outside.deliveries).toEqual([])
})

test('ten new receivers a minute are asked for a connection', async () => {
  await using started = await startRelay({})
  const tried = []
  for (let count = 0; count < 11; count += 1) {
    const delivery = { url: `https://receiver.example/${count}` }
    tried.push((await started.subscribe(createSecret(), { delivery })).code)
  }
  expect(tried).toEqual([...Array(10), -32013])
  expect(started.receiver.challenges).toHaveLength(10)
  const another = clientOf(started.relay, await makeKey(started.relay))
  expect(await another.subscribe(createSecret())).toHaveProperty('id')
})

test.each([
  ['no secret', { delivery: { secret: undefined } }, -32602],
  ['a short secret', { delivery: { secret: `whsec_${btoa('x'.repeat(23))}` } }, -32602],
  ['a long secret', { delivery: { secret: `whsec_${btoa('x'.repeat(65))}` } }, -32602],
  ['a secret without its prefix', { delivery: { secret: btoa('x'.repeat(32)) } }, -32602],
  ['another mode', { delivery: { mode: 'push' } }, -32014],
  ['an unknown event', { name: 'message.deleted' }, -32011],
  ['an unknown argument', { arguments: { thread: 'x' } }, -32602],
  ['arguments that are a list', { arguments: [] }, -32602],
  ['addressed_only without a reader', { arguments: { addressed_only: true } }, -32602],
  ['a blank reader', { arguments: { reader_tag: ' ' } }, -32602],
  ['a cursor that is a number', { cursor: 1 }, -32602],
])('a subscription with %s is refused, and nothing is sent', async (_, params, code) => {
  await using started = await startRelay()
  expect(await started.subscribe(createSecret(), params)).toMatchObject({ code })
  expect(started.outside.deliveries).toEqual([])
})

test('a connection that may only read may poll, and may not name a receiver', async () => {
  await using started = await startRelay()
  const { relay, outside } = started
  const client = clientOf(relay, await makeKey(relay, 'mcp:read'))
  expect(await client.poll(null)).toMatchObject({ events: [] })
  expect(await client.subscribe(createSecret())).toEqual({ status: 403 })
  expect(outside.deliveries).toEqual([])
})

test('with events turned off nothing is advertised, answered or sent', async () => {
  await using started = await startRelay({ RELAY_EVENTS: '0' })
  const { relay, rpc } = started
  expect(await started.subscribe(createSecret())).toMatchObject({ code: -32601 })
  expect(await started.poll(null)).toMatchObject({ code: -32601 })
  const { capabilities } = await rpc('initialize', {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'test', version: '1' },
  })
  expect(capabilities).not.toHaveProperty('events')
  expect(capabilities.extensions).not.toHaveProperty('io.modelcontextprotocol/events')
  await post(relay)
  expect(started.outside.deliveries).toEqual([])
})

test('a subscription dies with the key that sealed its secret, and lives while that is accepted', async () => {
  await using started = await startRelay({})
  const { relay, receiver, subscribe } = started
  await subscribe(createSecret())
  const owner = await relay.database.connect('postgres')
  await owner.query(`update relay_targets set secret = overlay(secret placing 'AAAA' from 30)`)
  await post(relay)
  await expect.poll(async () => (await owner.query('select from relay_targets')).rowCount).toBe(0)
  expect(receiver.events).toEqual([])
})
