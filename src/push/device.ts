/** Devices that get push messages: which endpoints may be one, and one message to it. */
import { fromBase64Url, toBase64Url } from '../base64.ts'
import type { Config } from '../config.ts'
import { post, type Reply } from '../events/receiver.ts'
import { hmac, open, seal } from '../events/signature.ts'
import { type DeviceKeys, encrypt, importPoint } from './encryption.ts'
import { authorize, vapidKey } from './vapid.ts'

/** The push services of Chrome, Firefox, Safari, and Edge on Windows. */
const SERVICES =
  /^(fcm\.googleapis\.com|[a-z\d-]+\.(push\.services\.mozilla\.com|push\.apple\.com|notify\.windows\.com))$/

const MAX_URL_LENGTH = 2_048

/** Seconds that a push service keeps a message for a device that is off. */
const TTL = 86_400

/** The statuses after which a device is not tried again: it is gone, or not this relay's. */
const GONE = [401, 403, 404, 410]

/** The URL of a subscription in its one form; undefined unless a known push service issued it. */
export function readEndpoint(given: string): string | undefined {
  const url = URL.parse(given)
  if (!url || given.length > MAX_URL_LENGTH || url.protocol !== 'https:') return undefined
  if (url.port || url.username || url.password || given.includes('#')) return undefined
  return SERVICES.test(url.hostname) ? url.href : undefined
}

/** The keys of a subscription, in base64url; undefined unless a message can be encrypted for them. */
export async function readKeys(p256dh: string, auth: string): Promise<DeviceKeys | undefined> {
  const isBase64Url = (text: string) => /^[\w-]{1,100}={0,2}$/.test(text)
  if (!isBase64Url(p256dh) || !isBase64Url(auth)) return undefined
  try {
    const keys = { p256dh: fromBase64Url(p256dh), auth: fromBase64Url(auth) }
    if (keys.p256dh.length !== 65 || keys.auth.length !== 16) return undefined
    await importPoint(keys.p256dh)
    return keys
  } catch {
    return undefined
  }
}

/** The id of a device: the same for its endpoint, whichever sign-in adds it. */
export async function deviceId(endpoint: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(endpoint))
  const bytes = new Uint8Array(digest, 0, 16)
  return `dev_${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`
}

/** Encrypts the keys of a device for the database. */
export function sealKeys({ p256dh, auth }: DeviceKeys, id: string, config: Config) {
  return seal(Uint8Array.of(...p256dh, ...auth), id, config)
}

/** A device as SQL returns it. */
export interface Device {
  target_id: string
  url: string
  secret: string
  /** The address of the relay at which it was added. */
  origin: string
}

/**
 * One attempt at a message, which `write` makes. With a `topic`, a later message takes the place of one that
 * still waits at the push service; the device finds it as the tag. `ended` if the keys no longer open.
 */
export async function push(
  { target_id, url, secret, origin }: Device,
  topic: string | undefined,
  write: (tag: string | undefined) => string,
  config: Config,
): Promise<Reply | 'ended'> {
  const endpoint = readEndpoint(url)
  for (const apiKey of [config.apiKey, config.previousApiKey]) {
    if (apiKey === undefined || !endpoint) continue
    // A browser that subscribed before a rotation takes messages of the key that it subscribed with.
    const opened = await open(secret, target_id, { apiKey, previousApiKey: undefined })
    if (!opened) continue
    const keys = { p256dh: opened.subarray(0, 65), auth: opened.subarray(65) }
    const tag =
      topic === undefined ? undefined : toBase64Url(await hmac(keys.auth, topic)).slice(0, 32)
    const service = new URL(endpoint).origin
    const headers = {
      authorization: await authorize(await vapidKey(apiKey), service, origin, Date.now()),
      'content-type': 'application/octet-stream',
      'content-encoding': 'aes128gcm',
      ttl: `${TTL}`,
      urgency: 'high',
      ...(tag !== undefined && { topic: tag }),
    }
    return post(endpoint, headers, await encrypt(write(tag), keys), () => undefined)
  }
  return 'ended'
}

/** Whether an answer says that a device is gone. */
export function isGone(reply: Reply): boolean {
  return !reply.ok && GONE.includes(reply.status)
}
