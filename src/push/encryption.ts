/** The encryption of a push message for one device, RFC 8291, in the content coding aes128gcm of RFC 8188. */

/** The keys of a device's subscription. */
export interface DeviceKeys {
  /** Its public key, an uncompressed point on P-256: 65 bytes. */
  p256dh: Uint8Array
  /** Its secret, which authenticates the sender: 16 bytes. */
  auth: Uint8Array
}

/** Bytes that a body may have (RFC 8030 section 7.2), and those of them that are left for the text. */
const MAX_BODY = 4_096
export const MAX_TEXT = MAX_BODY - 16 - 4 - 1 - 65 - 1 - 16

/** CryptoKey, whose name not every runtime's types have. */
type Key = Awaited<ReturnType<typeof crypto.subtle.importKey>>

/** Used for one message only. */
interface Once {
  keys: { privateKey: Key; publicKey: Key }
  salt: Uint8Array
}

const encode = (text: string) => new TextEncoder().encode(text)
const ECDH = { name: 'ECDH', namedCurve: 'P-256' }

/** The public key of a device. Throws unless it is a point on the curve. */
export function importPoint(p256dh: Uint8Array): Promise<Key> {
  return crypto.subtle.importKey('raw', p256dh, ECDH, false, [])
}

/** The body that carries a text to a device. */
export async function encrypt(
  text: string,
  { p256dh, auth }: DeviceKeys,
  once = createOnce(),
): Promise<Uint8Array> {
  const { keys, salt } = await once
  const own = new Uint8Array((await crypto.subtle.exportKey('raw', keys.publicKey)) as ArrayBuffer)
  const algorithm = { name: 'ECDH', public: await importPoint(p256dh) }
  // workerd's types name the member `$public`, which the standard does not.
  const shared = await crypto.subtle.deriveBits(algorithm as never, keys.privateKey, 256)
  const info = join(encode('WebPush: info\0'), p256dh, own)
  const input = await hkdf(shared, auth, info, 32)
  const key = await hkdf(input, salt, encode('Content-Encoding: aes128gcm\0'), 16)
  const iv = await hkdf(input, salt, encode('Content-Encoding: nonce\0'), 12)
  const cipher = await crypto.subtle.importKey('raw', key, 'AES-GCM', false, ['encrypt'])
  // One record, the last: its delimiter is 2 (RFC 8188 section 2).
  const record = join(encode(text), Uint8Array.of(2))
  const sealed = await crypto.subtle.encrypt({ name: 'AES-GCM', iv }, cipher, record)
  const size = Uint8Array.of(0, 0, MAX_BODY >> 8, MAX_BODY & 255)
  return join(salt, size, Uint8Array.of(own.length), own, new Uint8Array(sealed))
}

async function createOnce(): Promise<Once> {
  const keys = (await crypto.subtle.generateKey(ECDH, true, ['deriveBits'])) as Once['keys']
  return { keys, salt: crypto.getRandomValues(new Uint8Array(16)) }
}

/** HKDF with SHA-256, RFC 5869; `length` in bytes. */
export async function hkdf(
  input: ArrayBuffer | Uint8Array,
  salt: Uint8Array,
  info: Uint8Array,
  length: number,
): Promise<ArrayBuffer> {
  const key = await crypto.subtle.importKey('raw', input, 'HKDF', false, ['deriveBits'])
  return crypto.subtle.deriveBits({ name: 'HKDF', hash: 'SHA-256', salt, info }, key, length * 8)
}

function join(...parts: Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let offset = 0
  for (const part of parts) {
    joined.set(part, offset)
    offset += part.length
  }
  return joined
}
