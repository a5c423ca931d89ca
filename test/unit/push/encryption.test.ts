/** The encryption of push messages, against the vectors of RFC 8291 (section 5, appendix A). */
import { expect, test } from 'vitest'
import { encrypt, importPoint, MAX_TEXT } from '../../../src/push/encryption.ts'

const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'base64url'))

const RFC = {
  text: 'When I grow up, I want to be a watermelon',
  salt: 'DGv6ra1nlYgDCS1FRnbzlw',
  senderPrivate: 'yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw',
  senderPublic:
    'BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8',
  receiverPublic:
    'BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4',
  auth: 'BTBZMqHH6r4Tts7J_aSIgg',
  body:
    'DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6Tlz' +
    'AC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN',
}

const DEVICE = { p256dh: bytes(RFC.receiverPublic), auth: bytes(RFC.auth) }

test('the example of RFC 8291 comes out to the last byte', async () => {
  const point = bytes(RFC.senderPublic)
  const part = (from: number) => Buffer.from(point.subarray(from, from + 32)).toString('base64url')
  const jwk = { kty: 'EC', crv: 'P-256', x: part(1), y: part(33) }
  const algorithm = { name: 'ECDH', namedCurve: 'P-256' }
  const load = (key: object, usages: 'deriveBits'[]) =>
    crypto.subtle.importKey('jwk', key, algorithm, true, usages)
  const keys = {
    publicKey: await load(jwk, []),
    privateKey: await load({ ...jwk, d: RFC.senderPrivate }, ['deriveBits']),
  }
  const body = await encrypt(RFC.text, DEVICE, Promise.resolve({ keys, salt: bytes(RFC.salt) }))
  expect(Buffer.from(body).toString('base64url')).toBe(RFC.body)
})

test('the same text is another body each time', async () => {
  const [one, two] = await Promise.all([encrypt('x', DEVICE), encrypt('x', DEVICE)])
  // The salt, and the sender's key.
  expect(one.subarray(0, 16)).not.toEqual(two.subarray(0, 16))
  expect(one.subarray(21, 86)).not.toEqual(two.subarray(21, 86))
})

test('the longest text fills a body of 4,096 bytes', async () => {
  expect(await encrypt('x'.repeat(MAX_TEXT), DEVICE)).toHaveLength(4_096)
})

test.each([
  ['of another length', (point: Uint8Array) => point.subarray(0, 64)],
  [
    'that is not on the curve',
    (point: Uint8Array) => Uint8Array.of(...point.subarray(0, 64), (point[64] ?? 0) ^ 1),
  ],
  ['at infinity', () => new Uint8Array(1)],
  ['of zeros', () => Uint8Array.of(4, ...new Uint8Array(64))],
])('a key %s is refused', async (_, change) => {
  await expect(importPoint(change(DEVICE.p256dh)).then((key) => key.type)).rejects.toThrow()
})
