/**
 * How the relay names itself to push services, RFC 8292: a P-256 key pair that is derived from the relay's key,
 * so that there is no further secret to keep, and tokens signed with it.
 */
import { fromBase64Url, toBase64Url } from '../base64.ts'
import { hkdf } from './encryption.ts'

export interface VapidKey {
  /** The public key in base64url, which a browser subscribes with. */
  publicKey: string
  sign(text: string): Promise<ArrayBuffer>
  /** Tokens that are still good, by audience and subject. */
  tokens: Map<string, { token: string; renewAt: number }>
}

/** Milliseconds: a token is used for half a day, and valid for 20 hours, of the 24 that are allowed. */
const USED_FOR = 12 * 3_600_000
const VALID_FOR = 20 * 3_600_000

const encode = (text: string) => new TextEncoder().encode(text)
const SIGNATURE = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }

/** Kept for the life of the isolate, as the settings are: at most the key and the one before it. */
const derived = new Map<string, Promise<VapidKey>>()

/** The key pair of a relay with this key. */
export function vapidKey(apiKey: string): Promise<VapidKey> {
  const key = derived.get(apiKey) ?? deriveKey(apiKey)
  derived.set(apiKey, key)
  return key
}

/** The Authorization header for a push service at that origin. `subject`: the relay's address. */
export async function authorize(
  { publicKey, sign, tokens }: VapidKey,
  audience: string,
  subject: string,
  now: number,
): Promise<string> {
  const place = `${audience} ${subject}`
  let kept = tokens.get(place)
  if (!kept || kept.renewAt <= now) {
    const claims = {
      aud: audience,
      exp: Math.floor((now + VALID_FOR) / 1000),
      // An address of the relay's own machine has http, which no push service takes.
      sub: subject.replace(/^http:/, 'https:'),
    }
    const parts = [{ typ: 'JWT', alg: 'ES256' }, claims]
    const signed = parts.map((part) => toBase64Url(encode(JSON.stringify(part)))).join('.')
    const token = `${signed}.${toBase64Url(await sign(signed))}`
    kept = { token, renewAt: now + USED_FOR }
    tokens.set(place, kept)
  }
  return `vapid t=${kept.token}, k=${publicKey}`
}

async function deriveKey(apiKey: string): Promise<VapidKey> {
  const scalar = await chooseScalar(async (counter) => {
    const info = encode(`relay-mcp push ${counter}`)
    return new Uint8Array(await hkdf(encode(apiKey), new Uint8Array(), info, 32))
  })
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
  const pkcs8 = Uint8Array.from([...PKCS8_HEADER, ...scalar])
  const key = await crypto.subtle.importKey('pkcs8', pkcs8, algorithm, true, ['sign'])
  const { x = '', y = '' } = (await crypto.subtle.exportKey('jwk', key)) as {
    x?: string
    y?: string
  }
  const point = [4, ...fromBase64Url(x), ...fromBase64Url(y)]
  return {
    publicKey: toBase64Url(Uint8Array.from(point)),
    sign: (text) => crypto.subtle.sign(SIGNATURE, key, encode(text)),
    tokens: new Map(),
  }
}

/** PrivateKeyInfo (RFC 5208) with an ECPrivateKey (RFC 5915) on P-256 and no public key, up to the scalar. */
const PKCS8_HEADER = [
  ...[
    0x30, 0x41, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
  ],
  ...[
    0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x04, 0x27, 0x30, 0x25, 0x02, 0x01,
  ],
  ...[0x01, 0x04, 0x20],
]

/** The order of P-256's base point (FIPS 186-5), in hexadecimal. */
const ORDER = 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551'

/** The first of the drawn numbers, 32 bytes each, that can be a private key: between 0 and the order. */
export async function chooseScalar(
  draw: (counter: number) => Promise<Uint8Array>,
): Promise<Uint8Array> {
  for (let counter = 0; ; counter += 1) {
    const bytes = await draw(counter)
    const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
    if (/[^0]/.test(hex) && hex < ORDER) return bytes
  }
}
