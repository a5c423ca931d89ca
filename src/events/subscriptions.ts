/**
 * Subscriptions of MCP Events: a client names a receiver, which proves that it wants the deliveries, and gets
 * them until the subscription's time is over, which the client renews by subscribing again.
 */
import { RelayError } from '../errors.ts'
import { ErrorCode, isObject, type JsonObject, ProtocolError } from '../mcp/jsonrpc.ts'
import type { Method } from '../mcp/method.ts'
import { createTokenId, hash } from '../oauth/jwt.ts'
import type { ToolContext } from '../tools/tool.ts'
import { canonical, encodeCursor, LAST_ID, readCursor } from './cursor.ts'
import { type EventArguments, readEventArguments, requireType } from './event-type.ts'
import { declaresEvents, EventErrorCode } from './protocol.ts'
import { judgeUrl, post } from './receiver.ts'
import { readSecret, seal, signBody } from './signature.ts'

/** Milliseconds that a subscription lasts; the client may ask for less. */
const LIFETIME = { least: 600_000, most: 86_400_000 }

/** The part of the lifetime after which it is to be renewed, so that a late renewal loses nothing. */
const RENEWAL = 0.9

interface Subscription {
  id: string
  url: string
  args: EventArguments
}

interface Subscribed {
  unverified?: true
  expires_at: string
  cursor_at: string
  is_truncated: boolean
  is_renewed: boolean
  before?: {
    is_active: boolean
    last_delivery_at?: string
    last_error?: string
    failed_since?: string
    throttled_until?: string
  }
}

type Handler = (...args: Parameters<Method>) => Promise<{ result: JsonObject }>

/**
 * events/subscribe: makes or renews a subscription. Nothing is sent to a receiver or written before the request
 * is found good, but for the one signed POST with which the receiver is asked.
 */
export const subscribe: Handler = async ({ params }, { tools }) => {
  const { id, url, args } = await readSubscription(params, tools)
  const key = readSecret((params.delivery as JsonObject).secret)
  if (!key) {
    const message = 'delivery.secret must be "whsec_" and 24 to 64 bytes in base64'
    throw new ProtocolError(ErrorCode.INVALID_PARAMS, message)
  }
  const cursor = readCursor(params.cursor)
  const ttl_ms = readLifetime(params.ttlMs)
  const secret = await seal(key, id, tools.events.config)
  const target = { id, url, ...args, secret, origin: tools.origin }
  const store = (is_verified: boolean) => {
    const given = { target, ttl_ms, is_verified }
    return tools.db.call<Subscribed>('relay_subscribe', given, { retry: true }).catch(refuseQuota)
  }
  let stored = await store(false)
  if (stored.unverified) {
    await verify({ id, url, args }, key, tools)
    stored = await store(true)
  }

  const { expires_at, cursor_at, is_truncated, is_renewed, before } = stored
  const lifetime = Date.parse(expires_at) - ttl_ms * (1 - RENEWAL)
  return {
    result: {
      id,
      refreshBefore: new Date(lifetime).toISOString(),
      cursor: await encodeCursor({ at: cursor_at, id: LAST_ID }, args),
      // Deliveries begin now: what came since an earlier cursor has to be read.
      truncated: is_renewed ? is_truncated : cursor !== undefined,
      ...(before && { deliveryStatus: statusOf(before) }),
    },
  }
}

/** events/unsubscribe. A client that does not know the extension expects the same answer for none at all. */
export const unsubscribe: Handler = async ({ params }, { tools }) => {
  const { id, url, args } = await readSubscription(params, tools)
  const target = { id, url, ...args }
  const options = { retry: true }
  const { ended } = await tools.db.call<{ ended: boolean }>(
    'relay_unsubscribe',
    { target },
    options,
  )
  if (!ended && declaresEvents(params)) {
    throw new ProtocolError(EventErrorCode.NOT_FOUND, 'There is no such subscription', {
      data: { kind: 'subscription' },
    })
  }
  return { result: {} }
}

/** The subscription that a request names, of this caller. Throws ProtocolError, RelayError. */
async function readSubscription(
  { name, delivery, ...params }: JsonObject,
  { caller, events, origin }: ToolContext,
): Promise<Subscription> {
  if (!isObject(delivery)) {
    throw new ProtocolError(ErrorCode.INVALID_PARAMS, 'delivery must be an object')
  }
  const args = readEventArguments(params.arguments)
  const { mode = 'webhook', url } = delivery
  if (typeof url !== 'string') {
    throw new ProtocolError(ErrorCode.INVALID_PARAMS, 'delivery.url must be a string')
  }
  const judged = judgeUrl(url, events, [origin])
  if (judged?.fault === 'malformed') {
    throw new ProtocolError(ErrorCode.INVALID_PARAMS, judged.message)
  }
  requireType(name)
  if (mode !== 'webhook') {
    throw new ProtocolError(EventErrorCode.UNSUPPORTED, 'delivery.mode must be "webhook"', {
      data: { feature: 'deliveryMode', value: String(mode).slice(0, 40).toWellFormed() },
    })
  }
  if (judged) throw new ProtocolError(EventErrorCode.FORBIDDEN, judged.message)
  const identity = JSON.stringify([caller.gid, url, canonical(args)])
  // In hexadecimal, as receivers expect it: 128 bits.
  const bytes = new Uint8Array(
    await crypto.subtle.digest('SHA-256', new TextEncoder().encode(identity)),
  )
  const hex = Array.from(bytes.subarray(0, 16), (byte) => byte.toString(16).padStart(2, '0'))
  return { id: `sub_${hex.join('')}`, url, args }
}

/** Anything but a number stands for the longest: a client may ask for no end, and does not get it. */
function readLifetime(value: unknown): number {
  if (typeof value !== 'number' || Number.isNaN(value)) return LIFETIME.most
  return Math.round(Math.min(Math.max(value, LIFETIME.least), LIFETIME.most))
}

/** The handshake: the receiver has to repeat a random text. Throws ProtocolError. */
async function verify(
  { id, url }: Subscription,
  key: Uint8Array,
  { events }: ToolContext,
): Promise<void> {
  if (!(await events.countVerification())) {
    throw new ProtocolError(
      EventErrorCode.RESOURCE_EXHAUSTED,
      'Too many new receivers. Try again in a minute',
      {
        data: { limit: 'verifications' },
      },
    )
  }
  const challenge = createTokenId() + createTokenId()
  const body = JSON.stringify({ type: 'verification', challenge })
  const signed = await signBody(`msg_verification_${createTokenId()}`, body, [key])
  const headers = { ...signed, 'x-mcp-subscription-id': id }
  const reply = await post(url, headers, body, events.receivers, true)
  const reason = reply.ok ? 'challenge_failed' : reply.failure
  if (reply.ok && (await repeats(reply.body, challenge))) return
  throw new ProtocolError(
    EventErrorCode.CALLBACK_ENDPOINT,
    `The receiver did not confirm that it wants the deliveries (${reason})`,
    { data: { reason } },
  )
}

async function repeats(body: string | undefined, challenge: string): Promise<boolean> {
  try {
    const answer: unknown = JSON.parse(body ?? '')
    // Hashes, so that the time it takes says nothing about the text.
    return isObject(answer) && (await hash(`${answer.challenge}`)) === (await hash(challenge))
  } catch {
    return false
  }
}

function refuseQuota(error: unknown): never {
  if (!(error instanceof RelayError) || error.code !== 'too_many_subscriptions') throw error
  throw new ProtocolError(EventErrorCode.RESOURCE_EXHAUSTED, error.message, {
    data: { limit: 'subscriptions', max: 20 },
  })
}

/** deliveryStatus of a renewal: as it was before. */
function statusOf(before: NonNullable<Subscribed['before']>): JsonObject {
  const { is_active, last_delivery_at, last_error, failed_since, throttled_until } = before
  return {
    active: is_active,
    lastDeliveryAt: last_delivery_at ?? null,
    lastError: last_error ?? null,
    ...(failed_since !== undefined && { failedSince: failed_since }),
    ...(throttled_until !== undefined && {
      throttled: true,
      retryAfterMs: Math.max(0, Date.parse(throttled_until) - Date.now()),
    }),
  }
}
