/** Devices in POST /manage: adding, listing, trying and ending them, and attacks. */
import { createECDH } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { expect, test } from 'vitest'
import { createOAuthClient } from '../../support/oauth.ts'
import { createTestRelay, type TestRelay } from '../../support/relay.ts'
import { makeKey } from '../events/receiver.ts'
import { createDevice, type Device, manageWith, startPush } from './service.ts'

/** Everything that is kept about devices. */
async function kept(relay: TestRelay) {
  const owner = await relay.database.connect('postgres')
  const columns = 'id, kind, gid, url, secret, label'
  return (await owner.query(`select ${columns} from relay_targets order by id`)).rows
}

const addArgs = ({ endpoint, p256dh, auth, label }: Device) => ({ endpoint, p256dh, auth, label })

test('a device is listed without its address and keys, and ends from the board', async () => {
  await using started = await startPush()
  const { relay, service, signIn, manage, add } = started
  const token = await signIn()
  const device = await add(token, { ...createDevice(), label: ' Chrome\u202e on\nAndroid ' })
  expect(device.id).toMatch(/^dev_[\da-f]{32}$/)
  const { body } = await manage(token, 'list_targets')
  const [listed] = body.targets
  expect(listed).toMatchObject({
    id: device.id,
    kind: 'push',
    name: 'Chrome onAndroid',
    host: 'fcm.googleapis.com',
    reader_tag: 'board',
    addressed_only: true,
    is_active: true,
  })
  expect(listed).not.toHaveProperty('expires_at')
  const [{ url, secret }] = await kept(relay)
  for (const hidden of [url, secret, device.auth, device.p256dh]) {
    expect(JSON.stringify(body)).not.toContain(hidden)
  }
  // Only the relay's key opens it.
  expect(secret).not.toContain(device.auth)

  expect((await manage(token, 'end_target', { id: device.id })).status).toBe(200)
  expect(await kept(relay)).toEqual([])
  await relay.call('relay_post_message', {
    thread_name: 'a',
    content: 'x',
    surface: 'code',
    to: 'board',
  })
  expect((await manage(token, 'test_device', { id: device.id })).status).toBe(404)
  expect(service.pushed).toEqual([])
})

test('a device that is added again is renewed, and ten are the most', async () => {
  await using started = await startPush()
  const { relay, signIn, manage, add } = started
  const token = await signIn()
  const first = await add(token)
  const others = Array.from({ length: 12 }, () => createDevice())
  const answers = await Promise.all(
    others.map((device) => manage(token, 'add_device', addArgs(device))),
  )
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(9)
  const refused = answers.find(({ status }) => status !== 200)
  expect(refused?.body).toMatchObject({ error: 'too_many_devices' })
  expect(await kept(relay)).toHaveLength(10)
  const again = await add(token, { ...createDevice(first.endpoint), label: 'Renamed' })
  expect(again.id).toBe(first.id)
  const rows = await kept(relay)
  expect(rows).toHaveLength(10)
  expect(rows.find(({ id }) => id === first.id).label).toBe('Renamed')
})

test('a device that another sign-in adds is that of the other, with its keys, and once', async () => {
  await using started = await startPush()
  const { relay, service, signIn, manage, add } = started
  const [one, two] = [await signIn(), await signIn()]
  const device = await add(one)
  await add(two, createDevice(device.endpoint))
  expect(await kept(relay)).toHaveLength(1)
  await manage(one, 'disconnect', { gid: 'own' })
  expect((await manage(two, 'test_device', { id: device.id })).body).toEqual({ sent: true })
  // For the keys that it has now: the service could not have decrypted it with the earlier ones.
  expect([service.pushed.length, service.faults]).toEqual([1, []])
  await manage(two, 'disconnect', { gid: 'own' })
  expect(await kept(relay)).toEqual([])
})

test('cutting a sign-in off ends its devices, with what waits for them, and no others', async () => {
  await using started = await startPush()
  const { relay, service, signIn, manage, add } = started
  const [lost, own] = [await signIn(), await signIn()]
  service.answer = (response: ServerResponse) => response.writeHead(503).end()
  await add(lost)
  const { body } = await manage(own, 'list_connections')
  const { gid } = body.connections.find((each: { own?: true }) => !each.own)
  const post = { thread_name: 'a', content: 'x', surface: 'code', to: 'board' }
  await relay.call('relay_post_message', post)
  await expect.poll(() => service.pushed.length).toBe(1)
  const mine = await add(own)
  await manage(own, 'disconnect', { gid })
  expect((await kept(relay)).map(({ id }) => id)).toEqual([mine.id])
  const owner = await relay.database.connect('postgres')
  expect((await owner.query('select from relay_deliveries')).rowCount).toBe(0)
  expect((await manage(lost, 'add_device', addArgs(createDevice()))).status).toBe(401)
  expect(await kept(relay)).toHaveLength(1)
})

test.each<[string, number, object]>([
  ['takes it', 201, { sent: true }],
  ['knows the device no more', 410, { sent: false, error: 'http_4xx', ended: true }],
  ['knows another key', 403, { sent: false, error: 'http_4xx', ended: true }],
  ['is limiting', 429, { sent: false, error: 'http_4xx', ended: false }],
  ['fails', 500, { sent: false, error: 'http_5xx', ended: false }],
])('a test says whether the push service %s, in no words of its own', async (...row) => {
  const [, status, answer] = row
  await using started = await startPush()
  const { relay, service, signIn, manage, add } = started
  service.answer = (response: ServerResponse) => response.writeHead(status).end('its words')
  const token = await signIn()
  const { id } = await add(token)
  expect(await manage(token, 'test_device', { id })).toMatchObject({ status: 200, body: answer })
  expect(service.pushed.map(({ message }) => message)).toEqual([{ type: 'test', link: '/board/' }])
  expect(await kept(relay)).toHaveLength('ended' in answer && answer.ended ? 0 : 1)
})

test.each([
  'http://fcm.googleapis.com/fcm/send/a',
  'https://fcm.googleapis.com:8443/fcm/send/a',
  'https://fcm.googleapis.com.evil.example/fcm/send/a',
  'https://evil.example/fcm.googleapis.com',
  'https://evilfcm.googleapis.com/a',
  'https://googleapis.com/a',
  'https://storage.googleapis.com/a',
  'https://push.services.mozilla.com/a',
  'https://a.b.push.services.mozilla.com/a',
  'https://updates.push.services.mozilla.com.evil.example/a',
  'https://apple.com/a',
  'https://evilpush.apple.com/a',
  'https://notify.windows.com/a',
  'https://user@fcm.googleapis.com/a',
  'https://fcm.googleapis.com@evil.example/a',
  'https://evil.example\\@fcm.googleapis.com/a',
  'https://fcm.googleapis.com/a#b',
  'https://fcm.googleapis.com./a',
  'https://127.0.0.1/a',
  'https://10.0.0.1/a',
  'https://[::1]/a',
  'https://localhost/a',
  'data:text/plain,a',
  'fcm.googleapis.com/a',
  '',
])('nothing is sent to %s', async (endpoint) => {
  await using started = await startPush()
  const { relay, signIn, manage, outside } = started
  const refused = await manage(await signIn(), 'add_device', addArgs(createDevice(endpoint)))
  expect([refused.status, refused.body.error]).toEqual([400, 'invalid_arguments'])
  expect(await kept(relay)).toEqual([])
  expect(outside.deliveries).toEqual([])
})

test.each([
  'https://fcm.googleapis.com/fcm/send/a:b-c_d',
  'https://updates.push.services.mozilla.com/wpush/v2/a',
  'https://web.push.apple.com/a',
  'https://wns2-by3p.notify.windows.com/w/?token=a%3d',
])('a device of %s is added', async (endpoint) => {
  await using started = await startPush()
  const { relay, service, signIn, manage, add } = started
  const token = await signIn()
  const { id } = await add(token, createDevice(endpoint))
  expect((await manage(token, 'test_device', { id })).body).toEqual({ sent: true })
  expect(service.pushed).toMatchObject([{ url: endpoint }])
  expect(await kept(relay)).toMatchObject([{ url: endpoint }])
})

test('a backslash in an endpoint is a slash, as it is when the message is sent', async () => {
  await using started = await startPush()
  const { relay, signIn, manage } = started
  const device = createDevice('https://fcm.googleapis.com\\@evil.example')
  await manage(await signIn(), 'add_device', addArgs(device))
  expect(await kept(relay)).toMatchObject([{ url: 'https://fcm.googleapis.com/@evil.example' }])
})

test('an endpoint that was written past the relay is not used', async () => {
  await using started = await startPush()
  const { relay, outside, signIn, manage, add } = started
  const token = await signIn()
  const { id } = await add(token)
  const owner = await relay.database.connect('postgres')
  await owner.query(`update relay_targets set url = 'https://evil.example/a'`)
  const { body } = await manage(token, 'test_device', { id })
  expect(body).toEqual({ sent: false, ended: true })
  expect([outside.deliveries, await kept(relay)]).toEqual([[], []])
})

const POINT = createECDH('prime256v1').generateKeys()

test.each<[string, object]>([
  ['too short a key', { p256dh: POINT.subarray(0, 64).toString('base64url') }],
  [
    'a compressed key',
    { p256dh: createECDH('prime256v1').generateKeys('base64url', 'compressed') },
  ],
  ['a key of P-384', { p256dh: createECDH('secp384r1').generateKeys('base64url') }],
  [
    'a key that is not on the curve',
    {
      p256dh: Buffer.from(POINT)
        .fill((POINT[64] ?? 0) ^ 1, 64)
        .toString('base64url'),
    },
  ],
  ['a key that is not base64url', { p256dh: '!'.repeat(87) }],
  ['an empty key', { p256dh: '' }],
  ['a key of 10,000 letters', { p256dh: 'A'.repeat(10_000) }],
  ['a secret that is too short', { auth: 'AAAA' }],
  ['a secret that is too long', { auth: 'A'.repeat(43) }],
  ['too long an endpoint', { endpoint: `https://fcm.googleapis.com/${'a'.repeat(2048)}` }],
  ['no secret', { auth: undefined }],
  ['an invisible label', { label: '\u200b' }],
  ['another argument', { gid: 'key' }],
])('%s is refused, and nothing is kept', async (_, change) => {
  await using started = await startPush()
  const { relay, signIn, manage, outside } = started
  const args = { ...addArgs(createDevice()), ...change }
  const refused = await manage(await signIn(), 'add_device', args)
  expect([refused.status, refused.body.error]).toEqual([400, 'invalid_arguments'])
  expect([await kept(relay), outside.deliveries]).toEqual([[], []])
})

const STRANGERS: [string, (relay: TestRelay) => Promise<string>][] = [
  ['a key for one client', (relay) => makeKey(relay)],
  [
    'another client',
    async (relay) => (await (await createOAuthClient(relay)).connect()).access_token,
  ],
  [
    'another client with the name of the board',
    async (relay) => {
      const client = await createOAuthClient(relay, { name: 'Relay board' })
      return (await client.connect()).access_token
    },
  ],
  [
    'the board, signed in to read',
    async (relay) => {
      const client = await createOAuthClient(relay, {
        clientId: `${relay.url}/board/client.json`,
        redirectUri: `${relay.url}/board/`,
      })
      return (await client.connect({ scope: 'mcp:read' })).access_token
    },
  ],
]

test.each(STRANGERS)('%s adds, tries and ends no device', async (_, tokenOf) => {
  await using started = await startPush()
  const { relay, service, signIn, add } = started
  const device = await add(await signIn())
  const before = await kept(relay)
  const token = await tokenOf(relay)
  for (const body of [
    { action: 'push_key' },
    { action: 'add_device', ...addArgs(createDevice()) },
    { action: 'add_device', ...addArgs(createDevice(device.endpoint)) },
    { action: 'test_device', id: device.id },
    { action: 'end_target', id: device.id },
    { action: 'list_targets' },
  ]) {
    const refused = await manageWith(relay, token, body)
    expect(refused.status).toBe(403)
    expect(JSON.stringify(refused.body)).not.toMatch(/dev_|Browser|"key"/)
  }
  expect([await kept(relay), service.pushed]).toEqual([before, []])
})

test('the key of the relay adds no device, because no sign-in would end it', async () => {
  await using relay = await createTestRelay()
  const body = { action: 'add_device', ...addArgs(createDevice()) }
  const refused = await manageWith(relay, relay.key, body)
  expect([refused.status, refused.body.error]).toEqual([403, 'may_not_manage'])
  expect(await kept(relay)).toEqual([])
})

test('a test reaches devices only, and no other target', async () => {
  await using started = await startPush()
  const { relay, outside, signIn, manage } = started
  const owner = await relay.database.connect('postgres')
  await owner.query(
    `insert into relay_targets (user_id, id, kind, gid, client, url, secret)
    values ($1, 'dev_1', 'webhook', 'x', 'x', 'https://evil.example/', 'x')`,
    [relay.userId],
  )
  const token = await signIn()
  expect((await manage(token, 'test_device', { id: 'dev_1' })).status).toBe(404)
  expect((await manage(token, 'test_device', { id: 'notify' })).status).toBe(400)
  expect(outside.deliveries).toEqual([])
})

test('the log has the actions, and nothing of a device', async () => {
  await using started = await startPush()
  const { relay, signIn, manage, add } = started
  const token = await signIn()
  const device = await add(token)
  await manage(token, 'test_device', { id: device.id })
  await relay.log(({ action }) => action === 'test_device')
  const log = JSON.stringify(relay.logs)
  for (const secret of [device.endpoint, device.auth, device.p256dh, device.label, device.id]) {
    expect(log).not.toContain(secret)
  }
})
