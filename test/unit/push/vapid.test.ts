/** The key that is derived from the relay's, and the tokens for push services, RFC 8292. */
import { createECDH, createPublicKey, hkdfSync, verify } from 'node:crypto'
import { expect, test } from 'vitest'
import { authorize, chooseScalar, vapidKey } from '../../../src/push/vapid.ts'

const KEY = 'a-key-of-these-tests-that-is-long-enough'
const NOW = Date.UTC(2026, 0, 1)
const HOUR = 3_600_000
const AUDIENCE = 'https://push.example'
const SUBJECT = 'https://relay.example'

/** The parts of an Authorization header, whose signature is verified. Throws if it does not fit. */
function read(header: string) {
  const [, token = '', publicKey = ''] = /^vapid t=([\w.-]+), k=([\w-]+)$/.exec(header) ?? []
  const [head = '', claims = '', signature = ''] = token.split('.')
  const point = Buffer.from(publicKey, 'base64url')
  const [x, y] = [point.subarray(1, 33), point.subarray(33)].map((each) =>
    each.toString('base64url'),
  )
  const key = createPublicKey({ format: 'jwk', key: { kty: 'EC', crv: 'P-256', x, y } as never })
  const isSigned = verify(
    'sha256',
    Buffer.from(`${head}.${claims}`),
    { key, dsaEncoding: 'ieee-p1363' },
    Buffer.from(signature, 'base64url'),
  )
  if (!isSigned) throw new Error('The signature does not fit.')
  const parse = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString())
  return { token, publicKey, head: parse(head), claims: parse(claims) }
}

test('the key pair is derived from the key of the relay, always in the same way', async () => {
  for (const key of [KEY, 'another key of thirty-two characters']) {
    const { publicKey } = await vapidKey(key)
    // Browsers that are subscribed hold it, so a release must not change it.
    const pair = createECDH('prime256v1')
    pair.setPrivateKey(Buffer.from(hkdfSync('sha256', key, '', 'relay-mcp push 0', 32)))
    expect(publicKey).toBe(pair.getPublicKey('base64url'))
  }
})

test('a token names the push service, the relay, and an end within a day', async () => {
  const key = await vapidKey(KEY)
  const { head, claims, publicKey } = read(await authorize(key, AUDIENCE, SUBJECT, NOW))
  expect(publicKey).toBe(key.publicKey)
  expect(head).toEqual({ typ: 'JWT', alg: 'ES256' })
  expect(claims).toEqual({ aud: AUDIENCE, exp: NOW / 1000 + 20 * 3600, sub: SUBJECT })
})

test('a relay on this machine calls itself https, as push services require', async () => {
  const header = await authorize(await vapidKey(KEY), AUDIENCE, 'http://localhost:8787', NOW)
  expect(read(header).claims.sub).toBe('https://localhost:8787')
})

test('a token is used for twelve hours, and for its own push service only', async () => {
  const key = await vapidKey(`${KEY} of its own`)
  const at = async (audience: string, now: number) =>
    read(await authorize(key, audience, SUBJECT, now)).token
  const first = await at(AUDIENCE, NOW)
  expect(await at(AUDIENCE, NOW + 12 * HOUR - 1)).toBe(first)
  expect(await at('https://other.example', NOW)).not.toBe(first)
  expect(await at(AUDIENCE, NOW + 12 * HOUR)).not.toBe(first)
})

const hex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'))

test('a number that cannot be a private key is passed over for the next', async () => {
  const order = 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551'
  const largest = order.replace(/1$/, '0')
  const drawn = ['00'.repeat(32), 'ff'.repeat(32), order, largest, `${'00'.repeat(31)}01`]
  const choose = (from: number) =>
    chooseScalar(async (counter) => hex(drawn[from + counter] as string))
  expect(await choose(0)).toEqual(hex(largest))
  expect(await choose(4)).toEqual(hex(drawn[4] as string))
})
