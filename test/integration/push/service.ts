/**
 * A push service and the browsers subscribed at it: takes only what RFC 8030, 8188, 8291 and 8292 allow, and
 * decrypts with the keys of the device.
 */
import {
  createDecipheriv,
  createECDH,
  createPublicKey,
  hkdfSync,
  randomBytes,
  verify,
} from 'node:crypto'
import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import { afterAll } from 'vitest'
import { createOAuthClient, send } from '../../support/oauth.ts'
import { createTestRelay, type TestRelay } from '../../support/relay.ts'
import { type Outside, startOutside } from '../outside.ts'

// biome-ignore lint/suspicious/noExplicitAny: tests state what they expect by asserting it.
type Json = any

interface Pushed {
  url: string
  headers: IncomingHttpHeaders
  /** The key that signed, and the claims of the token. */
  by: string
  claims: Json
  /** The text that the device reads. */
  message: Json
}

export type Device = ReturnType<typeof createDevice>

let count = 0

/** A browser's subscription. */
export function createDevice(
  endpoint = `https://fcm.googleapis.com/fcm/send/${randomBytes(12).toString('base64url')}`,
) {
  count += 1
  const pair = createECDH('prime256v1')
  const p256dh = pair.generateKeys('base64url')
  const auth = randomBytes(16).toString('base64url')
  return { endpoint, p256dh, auth, label: `Browser ${count}`, pair }
}

let shared: Promise<Started> | undefined
afterAll(async () => (await shared)?.stop())

/** A relay with a push service. Tests in one file that pass no settings share one, which is emptied each time. */
export async function startPush(bindings?: Record<string, string | undefined>) {
  shared ??= bindings ? undefined : start({})
  const started = await (bindings ? start(bindings) : (shared as Promise<Started>))
  const { relay, outside, stop } = started
  if (!bindings) await relay.empty()
  outside.deliveries.length = 0
  const service = serve(outside)
  const signIn = (scope = 'mcp') => signInToBoard(relay, scope)
  const manage = (token: string, action: string, args: object = {}) =>
    manageWith(relay, token, { action, ...args })
  /** Adds a device, which the service knows from then on. */
  const add = async (token: string, device = createDevice()) => {
    const { endpoint, p256dh, auth, label } = device
    service.devices.set(endpoint, device)
    const { status, body } = await manage(token, 'add_device', { endpoint, p256dh, auth, label })
    if (status !== 200) throw new Error(JSON.stringify(body))
    return { ...device, id: body.id as string }
  }
  return {
    relay,
    outside,
    service,
    signIn,
    manage,
    add,
    async [Symbol.asyncDispose]() {
      if (bindings) await stop()
    },
  }
}

type Started = Awaited<ReturnType<typeof start>>

async function start(bindings: Record<string, string | undefined>) {
  const outside = await startOutside()
  // That every receiver of events is allowed makes no further push service known.
  const relay = await createTestRelay({
    outside,
    bindings: { RELAY_EVENT_HOSTS: '*', ...bindings },
  })
  const stop = async () => {
    await relay[Symbol.asyncDispose]()
    await outside[Symbol.asyncDispose]()
  }
  return { relay, outside, stop }
}

async function signInToBoard(relay: TestRelay, scope: string): Promise<string> {
  const client = await createOAuthClient(relay, {
    clientId: `${relay.url}/board/client.json`,
    redirectUri: `${relay.url}/board/`,
  })
  return (await client.connect({ scope })).access_token
}

export function manageWith(relay: TestRelay, token: string, body: object) {
  return send(relay, '/manage', {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
}

/** Takes messages for `devices`, by their endpoints, and answers with `answer`. */
function serve(outside: Outside) {
  const service = {
    devices: new Map<string, Device>(),
    pushed: [] as Pushed[],
    /** The faults of requests that a push service does not take. */
    faults: [] as unknown[],
    answer: (response: ServerResponse, _pushed: Pushed): unknown => response.writeHead(201).end(),
  }
  outside.answer = (response, { url, headers, body }) => {
    try {
      const device = service.devices.get(url)
      if (!device) throw new Error('No such device')
      const pushed = { url, headers, ...authenticate(headers, url), message: decrypt(body, device) }
      service.pushed.push(pushed)
      return service.answer(response, pushed)
    } catch (fault) {
      service.faults.push(fault)
      return response.writeHead(400).end()
    }
  }
  return service
}

/** Who signed, by RFC 8292. Throws if it is not as the RFCs require. */
function authenticate(headers: IncomingHttpHeaders, url: string) {
  const { authorization = '', ttl = '', topic = '', urgency = '' } = headers
  const [, token = '', by = ''] = /^vapid t=([\w.-]+), k=([\w-]{87})$/.exec(authorization) ?? []
  const [head = '', sent = '', signature = ''] = token.split('.')
  const point = Buffer.from(by, 'base64url')
  const [x, y] = [point.subarray(1, 33), point.subarray(33)].map((each) =>
    each.toString('base64url'),
  )
  const key = createPublicKey({ format: 'jwk', key: { kty: 'EC', crv: 'P-256', x, y } as never })
  const options = { key, dsaEncoding: 'ieee-p1363' } as const
  const signed = Buffer.from(`${head}.${sent}`)
  require(verify('sha256', signed, options, Buffer.from(signature, 'base64url')), 'signature')
  const parse = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString())
  const claims = parse(sent)
  require(parse(head).alg === 'ES256', 'alg')
  require(claims.aud === new URL(url).origin, 'aud')
  const left = claims.exp - Date.now() / 1000
  require(left > 0 && left <= 86_400, 'exp')
  require(/^(https:|mailto:)/.test(claims.sub), 'sub')
  require(/^\d+$/.test(ttl as string), 'TTL')
  require(/^([\w-]{1,32})?$/.test(topic as string), 'Topic')
  require(/^(very-low|low|normal|high)$/.test(urgency as string), 'Urgency')
  require(headers['content-encoding'] === 'aes128gcm', 'Content-Encoding')
  return { by, claims }
}

/** The text of a body, by RFC 8188 and 8291. Throws if it is not for the device. */
function decrypt(body: Buffer, { pair, auth }: Device): Json {
  require(body.length <= 4096, 'length')
  const [salt, sender] = [body.subarray(0, 16), body.subarray(21, 86)]
  require(body.readUInt32BE(16) >= body.length - 86 && body[20] === 65, 'header')
  const info = Buffer.concat([Buffer.from('WebPush: info\0'), pair.getPublicKey(), sender])
  const derive = (input: Uint8Array, by: Uint8Array, about: string | Buffer, length: number) =>
    Buffer.from(hkdfSync('sha256', input, by, about, length))
  const input = derive(pair.computeSecret(sender), Buffer.from(auth, 'base64url'), info, 32)
  const key = derive(input, salt, 'Content-Encoding: aes128gcm\0', 16)
  const nonce = derive(input, salt, 'Content-Encoding: nonce\0', 12)
  const cipher = createDecipheriv('aes-128-gcm', key, nonce).setAuthTag(body.subarray(-16))
  const record = Buffer.concat([cipher.update(body.subarray(86, -16)), cipher.final()])
  require(record.at(-1) === 2, 'delimiter')
  return JSON.parse(record.subarray(0, -1).toString())
}

function require(isRight: boolean, part: string): void {
  if (!isRight) throw new Error(`The ${part} of a push message is wrong.`)
}
