/** Push messages: for which message a device rings, what it learns, and each answer of a push service. */
import type { ServerResponse } from 'node:http'
import { expect, test } from 'vitest'
import type { TestRelay } from '../../support/relay.ts'
import { createDevice, startPush } from './service.ts'

const CONTENT = 'words for the relay and no one else'

const post = (relay: TestRelay, fields: object = {}) =>
  relay.call('relay_post_message', {
    thread_name: 'release',
    surface: 'code',
    content: CONTENT,
    to: 'board',
    ...fields,
  })

/** Waits until nothing is due any more. */
const settled = async (relay: TestRelay) => {
  const owner = await relay.database.connect('postgres')
  const due = 'select count(*)::int as count from relay_deliveries where due_at <= now()'
  await expect.poll(async () => (await owner.query(due)).rows).toEqual([{ count: 0 }])
}

test('a message to the person rings a device, which learns names and numbers, and no text', async () => {
  await using started = await startPush()
  const { relay, service, signIn, add, manage, outside } = started
  const token = await signIn()
  const device = await add(token)
  const { key } = (await manage(token, 'push_key')).body
  await post(relay, { reader_tag: 'laptop', session_tag: 'morning', metadata: { note: CONTENT } })
  await expect.poll(() => service.pushed).toHaveLength(1)
  const [{ url, headers, by, claims, message }] = service.pushed as [never] as Json
  expect(url).toBe(device.endpoint)
  expect(message).toEqual({
    type: 'message',
    thread: 'release',
    author: 'laptop',
    seq: 1,
    open: 1,
    link: '/board/#/t/release/1',
    tag: headers.topic,
  })
  expect(headers).toMatchObject({ ttl: '86400', urgency: 'high' })
  expect(by).toBe(key)
  expect(claims.sub).toBe(relay.url.replace('http:', 'https:'))
  expect(service.faults).toEqual([])
  const sent = JSON.stringify(outside.deliveries)
  for (const secret of [CONTENT, 'release', 'laptop', relay.key, token]) {
    expect(sent).not.toContain(secret)
  }
  expect(JSON.stringify(relay.logs)).not.toMatch(/words for|googleapis|Browser/)
})

test('only messages to the person ring, in any spelling, and with the number that are open', async () => {
  await using started = await startPush()
  const { relay, service, signIn, add } = started
  await add(await signIn())
  await post(relay, { to: undefined })
  await post(relay, { to: 'laptop' })
  await post(relay, { to: 'boards' })
  for (const [index, to] of ['board', '@Board', 'BOARD'].entries()) {
    await post(relay, { to, idempotency_key: to })
    await post(relay, { to, idempotency_key: to })
    await expect.poll(() => service.pushed).toHaveLength(index + 1)
  }
  expect(service.pushed.map(({ message }) => [message.seq, message.open])).toEqual([
    [4, 1],
    [5, 2],
    [6, 3],
  ])
})

test('a post sends to two devices, and the next runs to the others', async () => {
  await using started = await startPush()
  const { relay, service, signIn, add } = started
  const token = await signIn()
  const devices: string[] = []
  for (let count = 0; count < 10; count += 1) devices.push((await add(token)).endpoint)
  await post(relay)
  // Once the two are noted, the sender has nothing left that it may send.
  const owner = await relay.database.connect('postgres')
  const settled = `select count(*)::int from relay_deliveries d join relay_targets t on t.id = d.target_id
    where d.due_at is null and t.lease_owner is null`
  await expect.poll(async () => (await owner.query(settled)).rows).toEqual([{ count: 2 }])
  expect(service.pushed).toHaveLength(2)
  await relay.runScheduled()
  await expect.poll(() => service.pushed).toHaveLength(8)
  await relay.call('relay_list_threads')
  await expect.poll(() => service.pushed).toHaveLength(10)
  const urls = service.pushed.map(({ url }) => url)
  expect(urls.toSorted()).toEqual(devices.toSorted())
})

test('a push service cannot tell which thread it is: its topic differs from device to device', async () => {
  await using started = await startPush()
  const { relay, service, signIn, add } = started
  const token = await signIn()
  await add(token)
  await add(token)
  await post(relay)
  await expect.poll(() => service.pushed).toHaveLength(2)
  await post(relay)
  await expect.poll(() => service.pushed).toHaveLength(4)
  const topics = new Set(service.pushed.map(({ url, headers }) => `${url} ${headers.topic}`))
  expect(topics.size).toBe(2)
  expect(new Set(service.pushed.map(({ headers }) => headers.topic)).size).toBe(2)
  await post(relay, { thread_name: 'other' })
  await expect.poll(() => service.pushed).toHaveLength(6)
  expect(new Set(service.pushed.map(({ headers }) => headers.topic)).size).toBe(4)
})

test('the longest names fit into a message, and act as nothing but names', async () => {
  await using started = await startPush()
  const { relay, service, signIn, add } = started
  await add(await signIn())
  const thread_name = '🧵'.repeat(200)
  await post(relay, { thread_name, reader_tag: '"\\'.repeat(100) })
  await expect.poll(() => service.pushed).toHaveLength(1)
  expect(service.pushed[0]?.message).toMatchObject({
    thread: '🧵'.repeat(80),
    author: '"\\'.repeat(40),
    link: `/board/#/t/${encodeURIComponent(thread_name)}/1`,
  })
})

/** Answers of a push service, what becomes of the device, and of the message. */
const ANSWERS: [number, 'kept' | 'ended', 'delivered' | 'settled' | 'waiting' | 'gone'][] = [
  [200, 'kept', 'delivered'],
  [201, 'kept', 'delivered'],
  [202, 'kept', 'delivered'],
  [301, 'kept', 'waiting'],
  [400, 'kept', 'waiting'],
  [401, 'ended', 'gone'],
  [403, 'ended', 'gone'],
  [404, 'ended', 'gone'],
  [410, 'ended', 'gone'],
  [413, 'kept', 'settled'],
  [429, 'kept', 'waiting'],
  [500, 'kept', 'waiting'],
  [503, 'kept', 'waiting'],
]

test.each(ANSWERS)('an answer of %i: the device is %s, the message is %s', async (...row) => {
  const [status, device, message] = row
  await using started = await startPush()
  const { relay, service, signIn, add } = started
  // Retry-After, so that no second attempt follows at once.
  service.answer = (response: ServerResponse) =>
    response.writeHead(status, { location: '/elsewhere', 'retry-after': '60' }).end('its words')
  await add(await signIn())
  await post(relay)
  await expect.poll(() => service.pushed).toHaveLength(1)
  await settled(relay)
  const owner = await relay.database.connect('postgres')
  const targets = await owner.query('select last_delivery_at, last_error from relay_targets')
  const deliveries = await owner.query('select due_at from relay_deliveries')
  expect(targets.rows).toHaveLength(device === 'kept' ? 1 : 0)
  expect(deliveries.rows).toHaveLength(message === 'gone' ? 0 : 1)
  if (message !== 'gone') {
    const [{ last_delivery_at, last_error }] = targets.rows
    expect(last_delivery_at !== null).toBe(message === 'delivered')
    expect(last_error === null).toBe(message === 'delivered')
    expect(deliveries.rows[0].due_at !== null).toBe(message === 'waiting')
  }
  expect(service.pushed).toHaveLength(1)
  expect(JSON.stringify(relay.logs)).not.toMatch(/its words|googleapis/)
})

test('a message that the push service could not take rings later, once for its thread', async () => {
  await using started = await startPush()
  const { relay, service, signIn, add } = started
  service.answer = (response: ServerResponse) => response.writeHead(503).end()
  await add(await signIn())
  await post(relay)
  await post(relay)
  await post(relay, { thread_name: 'other' })
  await expect.poll(() => service.pushed.length).toBeGreaterThan(0)
  service.answer = (response: ServerResponse) => response.writeHead(201).end()
  service.pushed.length = 0
  const owner = await relay.database.connect('postgres')
  await expect
    .poll(async () => {
      await owner.query(`update relay_deliveries set due_at = now() where due_at is not null`)
      await owner.query(`update relay_targets set lease_until = now() - interval '1 second'`)
      await relay.runScheduled()
      return service.pushed.map(({ message }) => [message.thread, message.seq])
    })
    .toEqual([
      ['release', 2],
      ['other', 1],
    ])
})

test('a device keeps ringing through a planned rotation, and ends with the key it knows', async () => {
  const previous = 'the key before this one, of forty letters'
  await using started = await startPush({ RELAY_API_KEY: previous })
  const { relay, service, signIn, add, manage } = started
  const token = await signIn()
  const device = await add(token)
  const { key } = (await manage(token, 'push_key')).body
  const owner = await relay.database.connect('postgres')
  const { rows } = await owner.query('select secret, id from relay_targets')
  for (const kept of [previous, undefined]) {
    await using rotated = await startPush({ RELAY_API_KEY_PREVIOUS: kept })
    const added = await rotated.signIn()
    await rotated.add(added, createDevice(device.endpoint))
    rotated.service.devices.set(device.endpoint, device)
    const other = await rotated.relay.database.connect('postgres')
    await other.query('update relay_targets set secret = $1', [rows[0].secret])
    expect((await rotated.manage(added, 'push_key')).body.key).not.toBe(key)
    await post(rotated.relay)
    if (kept) {
      await expect.poll(() => rotated.service.pushed).toMatchObject([{ by: key }])
    } else {
      await expect
        .poll(async () => (await other.query('select from relay_targets')).rowCount)
        .toBe(0)
      expect(rotated.outside.deliveries).toEqual([])
    }
  }
  expect(service.faults).toEqual([])
})

// biome-ignore lint/suspicious/noExplicitAny: tests state what they expect by asserting it.
type Json = any
