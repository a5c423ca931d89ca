/** The local replacement for Cloudflare's rate limits: the addresses it counts together, and its storage. */
import { expect, test } from 'vitest'
import bind from '../../../scripts/local/workerd/rate-limit.js'

function createLimiter(trusted = true) {
  let time = 0
  const limiter = bind({ simple: { limit: 2, period: 60 }, trusted, now: () => time })
  return {
    limiter,
    wait: (seconds: number) => {
      time += seconds * 1000
    },
    allows: async (key: string) => (await limiter.limit({ key })).success,
  }
}

test('each address has its own limit per period', async () => {
  const { allows, wait } = createLimiter()
  expect([await allows('203.0.113.7'), await allows('203.0.113.7')]).toEqual([true, true])
  expect(await allows('203.0.113.7')).toBe(false)
  expect(await allows('2001:db8:1:2')).toBe(true)
  wait(61)
  expect(await allows('203.0.113.7')).toBe(true)
})

test.each([
  '203.0.113.256',
  'x',
  '1.2.3',
  'a'.repeat(60_000),
  `gid:${'a'.repeat(90)}`,
  ':::',
  '1:2:3:4:5:6:7:8:9',
  '',
])('a value that is not an address is counted with all unknown callers: %.20s', async (key) => {
  const { allows } = createLimiter()
  await allows('unknown')
  await allows('another')
  expect(await allows(key)).toBe(false)
})

test.each(['203.0.113.7', '2001:db8:1:2', '2001:db8:1:2/64', '2001:db8::1', '::ffff:192.0.2.1'])(
  '%s is counted as a separate address',
  async (key) => {
    const { allows } = createLimiter()
    await allows('unknown')
    await allows('unknown')
    expect(await allows(key)).toBe(true)
  },
)

test.each([true, false])('each connection has its own limit (trusted: %s)', async (trusted) => {
  const { allows } = createLimiter(trusted)
  await allows('gid:Zm9vYmFy-_1')
  await allows('gid:Zm9vYmFy-_1')
  expect(await allows('gid:Zm9vYmFy-_1')).toBe(false)
  expect(await allows('gid:client:Zm9v')).toBe(true)
  expect(await allows('gid:key')).toBe(true)
})

test('a header that callers can set themselves is ignored', async () => {
  const { allows } = createLimiter(false)
  await allows('203.0.113.1')
  await allows('203.0.113.2')
  expect(await allows('203.0.113.3')).toBe(false)
})

test('the table is bounded, and expired periods are removed', async () => {
  const { limiter, allows, wait } = createLimiter()
  for (let n = 0; n < 25_000; n += 1) await allows(`10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`)
  expect(limiter.size).toBe(10_000)
  wait(61)
  await allows('203.0.113.7')
  expect(limiter.size).toBe(1)
})
