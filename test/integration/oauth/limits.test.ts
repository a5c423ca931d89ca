/** Guessing is limited where a key is taken, for whoever guesses and for nobody else. */
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

test('forty at once are no way past the limit', async () => {
  await using relay = await createTestRelay({})
  const given = await Promise.all(
    Array.from({ length: 40 }, () => ping(relay, 'guess', '203.0.113.7')),
  )
  expect(given.filter(({ status }) => status === 401)).toHaveLength(10)
  expect(given.filter(({ status }) => status === 429)).toHaveLength(30)
})
