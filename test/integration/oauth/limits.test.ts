/** Guessing is limited where a key is taken, for the guesser's address and for no other. */
import { expect, test } from 'vitest'
import { addressOf } from '../../../src/limits.ts'
import { type Answer, createOAuthClient, destination, forge, send } from '../../support/oauth.ts'
import { createTestRelay, type TestRelay } from '../../support/relay.ts'

test.each([
  ['203.0.113.7', '203.0.113.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
  ['2001:db8:1:2::', '2001:db8:1:2'],
  ['2001:0DB8:0001:0002::9', '2001:db8:1:2'],
  ['2001:db8::9', '2001:db8:0:0'],
  ['2001:db8::1:2:3:4:5', '2001:db8:0:1'],
  ['2001:db8:1:2:3:4:5::', '2001:db8:1:2'],
  ['::1', '0:0:0:0'],
  ['::', '0:0:0:0'],
  ['0:0:0:0:0:ffff:203.0.113.7', '203.0.113.7'],
  ['::ffff:203.0.113.7', '203.0.113.7'],
  ['::ffff:cb00:7107', '203.0.113.7'],
  ['203.000.113.007', '203.0.113.7'],
  ['203.0.113.256', 'unknown'],
  ['203.0.113', 'unknown'],
  ['203.0.113.7:1234', 'unknown'],
  ['203.0.113.7, 203.0.113.8', 'unknown'],
  ['2001:db8::1::2', 'unknown'],
  ['2001:db8:1:2:3:4:5:6:7', 'unknown'],
  ['[::1]', 'unknown'],
  ['::1]:80/', 'unknown'],
  ['2001:db8:1:2::]/x:[', 'unknown'],
  ['fe80::1%eth0', 'unknown'],
  ['', 'unknown'],
  ['me', 'unknown'],
  ['1'.repeat(60_000), 'unknown'],
  [null, 'unknown'],
])('%s is counted as %s', (ip, counted) => {
  expect(addressOf(ip)).toBe(counted)
})

const PING = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' })

function ping(relay: TestRelay, token: string, ip?: string): Promise<Answer> {
  const headers = {
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
    ...(ip !== undefined && { 'cf-connecting-ip': ip }),
  }
  return send(relay, '/mcp', { method: 'POST', headers, body: PING })
}

async function statuses(count: number, guess: (index: number) => Promise<Answer>) {
  const given = []
  for (let index = 0; index < count; index += 1) given.push((await guess(index)).status)
  return given
}

const TEN = Array(10)

test('the eleventh wrong key in a minute is 429, and the right one passes all the while', async () => {
  await using relay = await createTestRelay({})
  const ip = '203.0.113.7'
  const given = await statuses(13, (index) => ping(relay, `guess ${index}`, ip))
  expect(given).toEqual([...TEN.fill(401), 429, 429, 429])

  const limited = await ping(relay, 'guess', ip)
  expect([limited.status, limited.headers.get('retry-after')]).toEqual([429, '60'])
  expect(limited.body).toMatchObject({ error: 'too_many_requests' })

  expect((await ping(relay, relay.key, ip)).status).toBe(200)
  expect((await ping(relay, relay.key, '203.0.113.8')).status).toBe(200)
  expect((await ping(relay, 'guess', '203.0.113.8')).status).toBe(401)
  expect((await ping(relay, await forge(relay, 'access'), ip)).status).toBe(200)
  const expired = await forge(relay, 'access', { claims: { exp: 1 } })
  expect((await ping(relay, expired, ip)).status).toBe(401)
  expect((await send(relay, '/mcp', { method: 'POST' })).status).toBe(401)
})

test('guesses on the page and at the endpoint are counted together', async () => {
  await using relay = await createTestRelay({})
  const client = await createOAuthClient(relay)
  const headers = { 'cf-connecting-ip': '203.0.113.7' }
  await statuses(5, () => ping(relay, 'guess', '203.0.113.7'))
  const given = await statuses(7, () => client.decide({ api_key: 'guess' }, headers))
  expect(given).toEqual([403, 403, 403, 403, 403, 429, 429])

  const limited = await client.decide({ api_key: 'guess' }, headers)
  expect([limited.headers.get('retry-after'), limited.headers.get('location')]).toEqual([
    '60',
    null,
  ])
  expect(limited.headers.get('cache-control')).toBe('no-store')
  expect((await ping(relay, 'guess', '203.0.113.7')).status).toBe(429)

  const code = destination(await client.decide({}, headers)).get('code') ?? ''
  expect((await client.exchange(code)).status).toBe(200)
  const denied = await client.decide({ action: 'cancel', api_key: 'guess' }, headers)
  expect(denied.status).toBe(302)
})

test('all addresses of an IPv6 /64 are one guesser, and the next /64 is another', async () => {
  await using relay = await createTestRelay({})
  const given = await statuses(12, (i) => ping(relay, 'guess', `2001:db8:1:2:${i}::${i}`))
  expect(given).toEqual([...TEN.fill(401), 429, 429])
  expect((await ping(relay, 'guess', '2001:db8:1:3::1')).status).toBe(401)
})

test('guesses without an address are counted as one', async () => {
  await using relay = await createTestRelay({})
  const given = await statuses(12, (index) => ping(relay, `guess ${index}`))
  expect(given).toEqual([...TEN.fill(401), 429, 429])
})

test('guesses under invalid addresses are counted together', async () => {
  await using relay = await createTestRelay({})
  const given = await statuses(12, (index) => ping(relay, 'guess', `${index}`.padEnd(2_000, 'x')))
  expect(given).toEqual([...TEN.fill(401), 429, 429])
})

const SHORT = 'a key of 26 letters, not 32'

test('a short key is not looked at once too many guesses were sent', async () => {
  await using relay = await createTestRelay({ bindings: { RELAY_API_KEY: SHORT } })
  await statuses(10, (index) => ping(relay, `guess ${index}`, '203.0.113.7'))
  const right = await ping(relay, SHORT, '203.0.113.7')
  expect([right.status, right.body.result]).toEqual([429, undefined])
  expect((await ping(relay, SHORT, '203.0.113.8')).status).toBe(200)
})

test('a hundred guesses at a short key at once get no more than the limit looked at', async () => {
  await using relay = await createTestRelay({ bindings: { RELAY_API_KEY: SHORT } })
  const given = await Promise.all(
    Array.from({ length: 100 }, (_, index) =>
      ping(relay, index < 50 ? `guess ${index}` : SHORT, '203.0.113.7'),
    ),
  )
  expect(given.filter(({ status }) => status !== 429).length).toBeLessThanOrEqual(20)
})

test('the owner of a short key is not held up by the limit', async () => {
  await using relay = await createTestRelay({ bindings: { RELAY_API_KEY: SHORT } })
  const given = await statuses(60, () => ping(relay, SHORT, '203.0.113.7'))
  expect(new Set(given)).toEqual(new Set([200]))
  const parallel = await Promise.all(
    Array.from({ length: 8 }, () => ping(relay, SHORT, '203.0.113.7')),
  )
  expect(parallel.map(({ status }) => status)).toEqual(Array(8).fill(200))
})

test('a short previous key is limited, and the long current one is not', async () => {
  await using relay = await createTestRelay({ bindings: { RELAY_API_KEY_PREVIOUS: SHORT } })
  await statuses(10, (index) => ping(relay, `guess ${index}`, '203.0.113.7'))
  expect((await ping(relay, SHORT, '203.0.113.7')).status).toBe(429)
  expect((await ping(relay, relay.key, '203.0.113.7')).status).toBe(200)
  const client = await createOAuthClient(relay)
  const headers = { 'cf-connecting-ip': '203.0.113.7' }
  const limited = await client.decide({ api_key: SHORT }, headers)
  expect([limited.status, destination(limited).get('code')]).toEqual([429, null])
  expect(destination(await client.decide({}, headers)).get('code')).toBeTruthy()
})

test('a key under 16 characters is a fault of the settings, and opens nothing', async () => {
  const key = 'fifteen letters'
  await using relay = await createTestRelay({ bindings: { RELAY_API_KEY: key } })
  const answer = await ping(relay, key)
  expect([answer.status, answer.body.error]).toEqual([500, 'configuration'])
  expect(JSON.stringify(answer.body)).not.toContain(key)
})

test('forty at once are no way past the limit', async () => {
  await using relay = await createTestRelay({})
  const given = await Promise.all(
    Array.from({ length: 40 }, () => ping(relay, 'guess', '203.0.113.7')),
  )
  expect(given.filter(({ status }) => status === 401)).toHaveLength(10)
  expect(given.filter(({ status }) => status === 429)).toHaveLength(30)
})
