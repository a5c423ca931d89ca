/** Guessing is limited where a key is taken, for the guesser's address and for no other. */
import { expect, test } from 'vitest'
import { addressOf } from '../../../src/limits.ts'
import { type Answer, createOAuthClient, destination, send } from '../../support/oauth.ts'
import { createTestRelay, type TestRelay } from '../../support/relay.ts'
import { forge } from './forgery.ts'

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

test('a wrong key is 401 however often, and the right one is accepted meanwhile', async () => {
  await using relay = await createTestRelay({})
  const ip = '203.0.113.7'
  const given = await statuses(13, (index) => ping(relay, `guess ${index}`, ip))
  expect(given).toEqual(Array(13).fill(401))
  expect((await ping(relay, relay.key, ip)).status).toBe(200)
  expect((await ping(relay, await forge(relay, 'access'), ip)).status).toBe(200)
})

/** Sends wrong keys to the consent page, from one address each. */
async function guess(relay: TestRelay, ips: (string | undefined)[]) {
  const client = await createOAuthClient(relay)
  return statuses(ips.length, (index) => {
    const ip = ips[index]
    return client.decide(
      { api_key: `guess ${index}` },
      ip === undefined ? {} : { 'cf-connecting-ip': ip },
    )
  })
}

const ELEVEN = [...Array(10).fill(403), 429]

test('the eleventh wrong key on the page in a minute is 429, and the right one still passes', async () => {
  await using relay = await createTestRelay({})
  const client = await createOAuthClient(relay)
  const headers = { 'cf-connecting-ip': '203.0.113.7' }
  expect(await guess(relay, Array(11).fill('203.0.113.7'))).toEqual(ELEVEN)
  const limited = await client.decide({ api_key: 'guess' }, headers)
  expect([limited.headers.get('retry-after'), limited.headers.get('location')]).toEqual([
    '60',
    null,
  ])
  expect(limited.headers.get('cache-control')).toBe('no-store')
  expect(await guess(relay, ['203.0.113.8'])).toEqual([403])

  const code = destination(await client.decide({}, headers)).get('code') ?? ''
  expect((await client.exchange(code)).status).toBe(200)
  const denied = await client.decide({ action: 'cancel', api_key: 'guess' }, headers)
  expect(denied.status).toBe(302)
})

test('all addresses of an IPv6 /64 are one guesser, and the next /64 is another', async () => {
  await using relay = await createTestRelay({})
  const ips = Array.from({ length: 11 }, (_, i) => `2001:db8:1:2:${i}::${i}`)
  expect(await guess(relay, ips)).toEqual(ELEVEN)
  expect(await guess(relay, ['2001:db8:1:3::1'])).toEqual([403])
})

test('guesses without an address are counted as one', async () => {
  await using relay = await createTestRelay({})
  expect(await guess(relay, Array(11).fill(undefined))).toEqual(ELEVEN)
})

test('guesses under invalid addresses are counted together', async () => {
  await using relay = await createTestRelay({})
  const ips = Array.from({ length: 11 }, (_, index) => `${index}`.padEnd(2_000, 'x'))
  expect(await guess(relay, ips)).toEqual(ELEVEN)
})

test('a short previous key is left out, and opens nothing', async () => {
  const short = 'k'.repeat(31)
  await using relay = await createTestRelay({ bindings: { RELAY_API_KEY_PREVIOUS: short } })
  expect((await ping(relay, short)).status).toBe(401)
  const client = await createOAuthClient(relay)
  const denied = await client.decide({ api_key: short })
  expect([denied.status, destination(denied).get('code')]).toEqual([403, null])
  const headers = { authorization: `Bearer ${relay.key}` }
  const health = await send(relay, '/health', { headers })
  expect(health.body.warnings).toEqual([expect.stringContaining('RELAY_API_KEY_PREVIOUS')])
})

test('a key under 32 characters is a fault of the settings, and opens nothing', async () => {
  const key = 'k'.repeat(31)
  await using relay = await createTestRelay({ bindings: { RELAY_API_KEY: key } })
  const answer = await ping(relay, key)
  expect([answer.status, answer.body.error]).toEqual([500, 'configuration'])
  expect(answer.body.message).toContain('openssl rand -base64 32')
  expect(JSON.stringify(answer.body)).not.toContain(key)
})

test('forty at once do not get past the limit', async () => {
  await using relay = await createTestRelay({})
  const client = await createOAuthClient(relay)
  const headers = { 'cf-connecting-ip': '203.0.113.7' }
  const answers = await Promise.all(
    Array.from({ length: 40 }, () => client.decide({ api_key: 'guess' }, headers)),
  )
  expect(answers.filter(({ status }) => status === 403)).toHaveLength(10)
  expect(answers.filter(({ status }) => status === 429)).toHaveLength(30)
})
