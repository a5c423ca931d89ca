/**
 * Signatures of Standard Webhooks 1.0.0 (`v1`, HMAC-SHA256), and the encryption of their secrets in the
 * database, whose backups must not let anyone sign.
 */
import { fromBase64, toBase64 } from '../base64.ts'
import type { Config } from '../config.ts'

const encode = (text: string) => new TextEncoder().encode(text)

/** The headers that sign a body, with one signature for each key. */
export async function signBody(
  id: string,
  body: string,
  keys: Uint8Array[],
): Promise<Record<string, string>> {
  const time = `${Math.floor(Date.now() / 1000)}`
  const signatures = await Promise.all(
    keys.map(async (key) => {
      return `v1,${toBase64(await hmac(key, `${id}.${time}.${body}`))}`
    }),
  )
  return {
    'webhook-id': id,
    'webhook-timestamp': time,
    'webhook-signature': signatures.join(' '),
  }
}

export async function hmac(secret: Uint8Array, text: string): Promise<ArrayBuffer> {
  const algorithm = { name: 'HMAC', hash: 'SHA-256' }
  const key = await crypto.subtle.importKey('raw', secret, algorithm, false, ['sign'])
  return crypto.subtle.sign('HMAC', key, encode(text))
}

/** The key in a secret, `whsec_` and 24 to 64 bytes in base64; undefined for anything else. */
export function readSecret(secret: unknown): Uint8Array | undefined {
  const [, encoded] =
    /^whsec_([A-Za-z0-9+/]{32,86}={0,2})$/.exec(typeof secret === 'string' ? secret : '') ?? []
  try {
    const key = fromBase64(encoded ?? '')
    return key.length >= 24 && key.length <= 64 ? key : undefined
  } catch {
    return undefined
  }
}

type Keys = Pick<Config, 'apiKey' | 'previousApiKey'>

/** Encrypts the key of a subscription, whose id is authenticated with it. */
export async function seal(key: Uint8Array, id: string, { apiKey }: Keys): Promise<string> {
  const iv = crypto.getRandomValues(new Uint8Array(12))
  const algorithm = { name: 'AES-GCM', iv, additionalData: encode(id) }
  const sealed = await crypto.subtle.encrypt(algorithm, await sealingKey(apiKey), key)
  return `${toBase64(iv)}.${toBase64(sealed)}`
}

/** The key in what `seal` returned; undefined once neither key of the relay opens it. */
export async function open(
  sealed: string,
  id: string,
  { apiKey, previousApiKey }: Keys,
): Promise<Uint8Array | undefined> {
  const [iv, data] = sealed.split('.').map(fromBase64)
  if (!iv || !data) return undefined
  const algorithm = { name: 'AES-GCM', iv, additionalData: encode(id) }
  for (const secret of [apiKey, previousApiKey]) {
    if (secret === undefined) continue
    try {
      const opened = await crypto.subtle.decrypt(algorithm, await sealingKey(secret), data)
      return new Uint8Array(opened)
    } catch {}
  }
  return undefined
}

/** Derived from the relay's key, so that there is no further secret to keep. */
async function sealingKey(apiKey: string): Promise<CryptoKey> {
  const material = await crypto.subtle.importKey('raw', encode(apiKey), 'HKDF', false, [
    'deriveKey',
  ])
  const salt = new Uint8Array()
  return crypto.subtle.deriveKey(
    { name: 'HKDF', hash: 'SHA-256', salt, info: encode('relay-mcp events') },
    material,
    { name: 'AES-GCM', length: 256 },
    false,
    ['encrypt', 'decrypt'],
  )
}
