/** Notifications for people: content, address and format, and that a post never suffers from them. */
import { createHmac } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { expect, test } from 'vitest'
import { createTestRelay, type TestRelay } from '../support/relay.ts'
import { type Outside, startOutside } from './outside.ts'

const OWN = 'https://people.example/hook?token=a-secret-of-the-address'
const CONTENT = 'what only the relay may hold'

const start = (outside: Outside, bindings: Record<string, string | undefined> = {}) =>
  createTestRelay({ outside, bindings: { RELAY_NOTIFY_URL: OWN, ...bindings } })

const post = (relay: TestRelay, fields: object = {}) =>
  relay.call('relay_post_message', {
    thread_name: 'release',
    surface: 'code',
    content: CONTENT,
    to: 'board',
    ...fields,
  })

/** The derived key, computed as docs/settings.md says. */
const keyOf = (relay: TestRelay) => createHmac('sha256', relay.key).update('relay-notify').digest()

test('a message to the board is announced by one signed POST without its content', async () => {
  await using outside = await startOutside()
  await using relay = await start(outside)
  await post(relay, { reader_tag: 'laptop', session_tag: 'morning', metadata: { note: CONTENT } })
  await expect.poll(() => outside.deliveries).toHaveLength(1)
  const [{ url, method, headers, text }] = outside.deliveries as [Outside['deliveries'][number]]
  expect({ url, method }).toEqual({ url: OWN, method: 'POST' })
  expect(JSON.parse(text)).toEqual({
    type: 'relay.message',
    thread: 'release',
    seq: 1,
    to: 'board',
    from: 'laptop',
    surface: 'code',
    link: `${relay.url}/board/#/t/release/1`,
  })
  const id = headers['webhook-id']
  const time = headers['webhook-timestamp']
  expect(Math.abs(Number(time) - Date.now() / 1000)).toBeLessThan(60)
  const signature = createHmac('sha256', keyOf(relay)).update(`${id}.${time}.${text}`)
  expect(headers['webhook-signature']).toBe(`v1,${signature.digest('base64')}`)
  expect(JSON.stringify(outside.deliveries)).not.toContain(CONTENT)
  expect(JSON.stringify(outside.deliveries)).not.toContain(relay.key)
  expect(headers).not.toHaveProperty('authorization')
})

test('only messages to a listed name are announced, each of them once', async () => {
  await using outside = await startOutside()
  await using relay = await start(outside, { RELAY_NOTIFY_FOR: 'My Phone, board' })
  await post(relay, { to: undefined })
  await post(relay, { to: 'laptop' })
  await post(relay, { to: 'boards' })
  await post(relay, { content: '' })
  await post(relay, { to: 'my_phone', idempotency_key: 'one' })
  await post(relay, { to: 'my_phone', idempotency_key: 'one' })
  await post(relay, { to: 'BOARD' })
  await expect.poll(() => outside.deliveries).toHaveLength(2)
  expect(outside.deliveries.map(({ text }) => JSON.parse(text).to).sort()).toEqual([
    'BOARD',
    'my_phone',
  ])
})

test('without the setting nothing is sent', async () => {
  await using outside = await startOutside()
  await using relay = await start(outside, { RELAY_NOTIFY_URL: undefined })
  await post(relay)
  await relay.log((line) => line.tool === 'relay_post_message')
  expect(outside.deliveries).toEqual([])
})

const HOSTILE =
  'a` @everyone <!channel> <@U1> <https://evil.example|bill> [x](https://evil.example) & *b*'

test.each([
  ['https://hooks.slack.com/services/T0/B0/secret'],
  ['https://discord.com/api/webhooks/1/secret'],
  ['https://canary.discord.com/api/webhooks/1/secret'],
])('names cannot act in the format of %s', async (address) => {
  await using outside = await startOutside()
  await using relay = await start(outside, { RELAY_NOTIFY_URL: address })
  await post(relay, { thread_name: HOSTILE, reader_tag: `${HOSTILE} 2` })
  await expect.poll(() => outside.deliveries).toHaveLength(1)
  const [{ url, text }] = outside.deliveries as [Outside['deliveries'][number]]
  expect(url).toBe(address)
  const body = JSON.parse(text)
  const said: string = body.text ?? body.content
  const link = `${relay.url}/board/#/t/${encodeURIComponent(HOSTILE)}/1`
  const isSlack = 'text' in body
  // Every name is inside a code span that it cannot close: three spans, and nothing of a name around them.
  const spans = said.split('`')
  expect(spans).toHaveLength(7)
  const around = spans.filter((_, index) => index % 2 === 0).join('|')
  expect(around).toBe(`Message for | in | from | (code): ${isSlack ? `<${link}|Open>` : link}`)
  if (isSlack) {
    expect(said.match(/<[^>]*>/g)).toEqual([`<${link}|Open>`])
    expect(said).toContain('&lt;!channel&gt;')
    expect(said).toContain(' &amp; ')
    expect(body.parse).toBe('none')
    expect(body).not.toHaveProperty('link_names')
  } else {
    expect(body.allowed_mentions).toEqual({ parse: [] })
  }
})

test.each([
  ['https://ntfy.sh/my-topic', 'https://ntfy.sh/', 'my-topic'],
  [
    'https://ntfy.example.com/sub/my-topic/?auth=x',
    'https://ntfy.example.com/sub/?auth=x',
    'my-topic',
  ],
])('ntfy is sent its own format: %s', async (address, target, topic) => {
  await using outside = await startOutside()
  await using relay = await start(outside, { RELAY_NOTIFY_URL: address })
  await post(relay, { thread_name: 'Über "alles"', reader_tag: 'laptop' })
  await expect.poll(() => outside.deliveries).toHaveLength(1)
  const [{ url, text }] = outside.deliveries as [Outside['deliveries'][number]]
  expect(url).toBe(target)
  expect(JSON.parse(text)).toEqual({
    topic,
    message: 'Message for "board" in "Über \\"alles\\"" from "laptop" (code)',
    click: `${relay.url}/board/#/t/%C3%9Cber%20%22alles%22/1`,
  })
})

test.each<[string, (response: ServerResponse) => void, string]>([
  ['refuses', (response) => response.writeHead(403).end(), 'status 403 (http_4xx)'],
  ['fails', (response) => response.writeHead(500).end('x'), 'status 500 (http_5xx)'],
  [
    'breaks the connection',
    (response) => response.socket?.resetAndDestroy(),
    'status 0 (connection_refused)',
  ],
  [
    'redirects',
    (response) => response.writeHead(307, { location: 'https://evil.example/' }).end(),
    'status 307 (http_4xx)',
  ],
])(
  'a service that %s is asked again later, and the log says so without the address',
  async (_, fail, reason) => {
    await using outside = await startOutside()
    outside.answer = fail
    await using relay = await start(outside)
    expect((await post(relay)).structuredContent).toMatchObject({ seq: 1 })
    const owner = await relay.database.connect('postgres')
    const waits = 'select attempts, due_at is not null as waits from relay_deliveries'
    await expect
      .poll(async () => (await owner.query(waits)).rows)
      .toEqual([{ attempts: 1, waits: true }])
    expect(outside.deliveries.map(({ url }) => url)).toEqual([OWN])
    const lines = relay.logs.filter(({ event }) => event === 'notification')
    expect(lines).toMatchObject([{ outcome: 'failed', error_code: 'notification', reason }])
    expect(JSON.stringify(relay.logs)).not.toMatch(/people\.example|a-secret|evil/)
  },
)

test('a notification that failed is sent again under the same id', async () => {
  await using outside = await startOutside()
  outside.answer = (response) => response.writeHead(outside.deliveries.length > 1 ? 200 : 503).end()
  await using relay = await start(outside)
  await post(relay)
  await expect.poll(() => outside.deliveries).toHaveLength(2)
  const [first, second] = outside.deliveries
  expect(second?.headers['webhook-id']).toBe(first?.headers['webhook-id'])
  expect(relay.logs.filter(({ event }) => event === 'notification')).toHaveLength(1)
})

test('a service that never answers, or answers without end, holds up no post', async () => {
  await using outside = await startOutside()
  const open: ServerResponse[] = []
  let poured = 0
  outside.answer = (response) => {
    open.push(response)
    // The second attempt gets an answer that does not end.
    if (open.length === 2) {
      const pour = () =>
        response.write('x'.repeat(100_000), () => {
          poured += 100_000
          if (!response.closed) pour()
        })
      response.writeHead(200)
      pour()
    } else if (open.length > 2) {
      response.end()
    }
  }
  await using relay = await start(outside)
  for (const seq of [1, 2, 3]) expect((await post(relay)).structuredContent).toMatchObject({ seq })
  await expect.poll(() => open).toHaveLength(1)
  // All three posts were answered while the service was still waited for. After its time limit the Worker gives
  // up on it, and asks again.
  await expect.poll(() => open[0]?.closed).toBe(true)
  await expect.poll(() => open.length).toBeGreaterThan(1)
  // The Worker has let go of the endless one without reading it: the part it took fits into buffers.
  await expect.poll(() => open[1]?.closed).toBe(true)
  expect(poured).toBeLessThan(20_000_000)
  await expect
    .poll(() => outside.deliveries.map(({ text }) => JSON.parse(text).seq))
    .toEqual([1, 1, 2, 3])
})

test('a malformed address is a warning with the key, and the relay serves on', async () => {
  await using outside = await startOutside()
  const bindings = { RELAY_NOTIFY_URL: 'http://people.example/a-secret', RELAY_NOTIFY_FOR: ' , ' }
  await using relay = await start(outside, bindings)
  expect((await post(relay)).structuredContent).toMatchObject({ seq: 1 })
  const headers = { authorization: `Bearer ${relay.key}` }
  const health = await (await relay.fetch('/health', { headers })).json()
  expect(health).toMatchObject({
    ok: true,
    warnings: [
      expect.stringMatching(/^RELAY_NOTIFY_URL must be an https URL/),
      expect.stringMatching(/^RELAY_NOTIFY_FOR must be reader tags/),
    ],
  })
  const page = await (await relay.fetch('/')).text()
  expect(page).toContain('RELAY_NOTIFY_URL must be an https URL')
  expect(page + JSON.stringify(health)).not.toContain('a-secret')
  expect(outside.deliveries).toEqual([])
})

test('a message for Discord has at most 2,000 characters, whatever the names are', async () => {
  await using outside = await startOutside()
  const address = 'https://discord.com/api/webhooks/1/secret'
  await using relay = await start(outside, { RELAY_NOTIFY_URL: address })
  await post(relay, { thread_name: '漢'.repeat(200), reader_tag: '字'.repeat(200) })
  await expect.poll(() => outside.deliveries).toHaveLength(1)
  const { content } = JSON.parse(outside.deliveries[0]?.text ?? '')
  expect(content.length).toBeLessThanOrEqual(2000)
  expect(content).toMatch(/: http:\/\/\S+\/board\/$/)
})
