/**
 * Sends what is in the outbox: after the answer of a request, and in the runs of the cron trigger. Each target
 * gets its messages in order, one at a time; what fails is sent again by a later run.
 */
import type { Config } from '../config.ts'
import type { Database } from '../db.ts'
import { RelayError } from '../errors.ts'
import { RequestLog } from '../log.ts'
import { notification } from '../notify.ts'
import { createTokenId } from '../oauth/jwt.ts'
import { isGone, push } from '../push/device.ts'
import { messageText } from '../push/message.ts'
import { encodeCursor, LAST_ID } from './cursor.ts'
import { type EventArguments, occurrenceOf, type PostedMessage } from './event-type.ts'
import { webhookIdOf } from './protocol.ts'
import { judgeUrl, post, type Receivers, type Reply } from './receiver.ts'
import { open, signBody } from './signature.ts'

export interface SenderContext {
  db: Database
  config: Config
  receivers: Receivers
  /** The relay's own address; undefined in a run of the cron trigger. */
  origin: string | undefined
  occasion: keyof typeof MAX_PUSHES
}

/** A message that is leased to this sender: relay_deliver. */
interface Leased {
  target_id: string
  kind: 'webhook' | 'notify' | 'push'
  url?: string
  secret?: string
  previous_secret?: string
  arguments: Partial<EventArguments>
  origin: string
  cursor_at: string
  event: PostedMessage
  /** For a push: how many messages to the person are open. */
  open?: number
}

interface Outcome {
  target_id: string
  message_id: string
  result: 'delivered' | 'failed' | 'refused' | 'ended'
  error?: string
  retry_after?: number
}

/** Messages at once, requests, and milliseconds: a Worker has 6 connections, 50 requests and 30 s. */
const PARALLEL = 6
const MAX_REQUESTS = 48
const TIME_LIMIT = 20_000

/** Push messages in one invocation: what a request has left of the CPU of a free plan, and a run of the trigger. */
const MAX_PUSHES = { request: 2, trigger: 6 }

/** How a target of each kind is sent a message. */
const SENDERS = { webhook: send, notify, push: ring }

/**
 * Sends what is due now, and what fails once more if there is time. `spent`: requests that this invocation of
 * the Worker has made before. Never throws.
 */
export async function deliver(context: SenderContext, spent: number): Promise<void> {
  const owner = createTokenId()
  const endsAt = Date.now() + TIME_LIMIT
  let outcomes: Outcome[] = []
  let left = MAX_REQUESTS - spent
  let push_limit = MAX_PUSHES[context.occasion]
  try {
    while (true) {
      // Each message is a request, and what became of them is another.
      const limit = Date.now() < endsAt ? Math.min(PARALLEL, Math.max(0, left - 2)) : 0
      const { deliveries, retry_ms } = await context.db.call<{
        deliveries: Leased[]
        retry_ms?: number
      }>(
        'relay_deliver',
        { owner, outcomes, limit, push_limit, origin: context.origin },
        { retry: true },
      )
      left -= 1
      push_limit -= deliveries.filter(({ kind }) => kind === 'push').length
      if (deliveries.length > 0) {
        outcomes = await Promise.all(deliveries.map((leased) => attempt(leased, context)))
        left -= deliveries.length
      } else if (retry_ms !== undefined && limit > 0 && Date.now() + retry_ms < endsAt) {
        await new Promise((resolve) => setTimeout(resolve, retry_ms))
        outcomes = []
      } else {
        return
      }
    }
  } catch (error) {
    // The messages that were sent meanwhile are sent again when their leases end.
    const log = new RequestLog()
    if (error instanceof RelayError) log.addError(error)
    else log.add({ outcome: 'failed', error_code: 'internal', reason: String(error) })
    log.write('delivery')
  }
}

async function attempt(leased: Leased, context: SenderContext): Promise<Outcome> {
  const { target_id, kind, event } = leased
  const outcome = { target_id, message_id: event.id }
  const reply = await SENDERS[kind](leased, context)
  if (reply === 'ended') return { ...outcome, result: 'ended' }
  if (reply.ok) return { ...outcome, result: 'delivered' }
  const { failure: error, status, retryAfter } = reply
  // Without the address, which often contains a secret.
  const log = new RequestLog()
  const error_code = kind === 'notify' ? 'notification' : 'delivery'
  log.add({ outcome: 'failed', error_code, reason: `status ${status} (${error})` })
  log.write(error_code)
  if (kind === 'push' && isGone(reply)) return { ...outcome, result: 'ended' }
  if (status === 410 || status === 413) return { ...outcome, result: 'refused', error }
  return {
    ...outcome,
    result: 'failed',
    error,
    ...(retryAfter !== undefined && { retry_after: retryAfter }),
  }
}

/** One attempt at a webhook; `ended` if its subscription is no longer good. */
async function send(leased: Leased, context: SenderContext): Promise<Reply | 'ended'> {
  const { target_id, url = '', secret = '', previous_secret = '', origin, event } = leased
  const { config, receivers } = context
  // The settings may have changed since it was made.
  if (!config.events || judgeUrl(url, context, [origin])) return 'ended'
  const current = await open(secret, target_id, config)
  if (!current) return 'ended'
  const previous = previous_secret ? await open(previous_secret, target_id, config) : undefined
  const keys = previous && `${previous}` !== `${current}` ? [current, previous] : [current]

  const { reader_tag, thread_name, addressed_only = false } = leased.arguments
  const place = { at: leased.cursor_at, id: LAST_ID }
  const cursor = await encodeCursor(place, { reader_tag, thread_name, addressed_only })
  const occurrence = occurrenceOf(event, origin)
  const body = JSON.stringify({ ...occurrence, cursor })
  const headers = await signBody(webhookIdOf(occurrence), body, keys)
  return post(url, { ...headers, 'x-mcp-subscription-id': target_id }, body, receivers)
}

/** One attempt at a notification; `ended` if the setting is gone. */
async function notify(leased: Leased, { config }: SenderContext): Promise<Reply | 'ended'> {
  const made = await notification(config, leased.event, leased.origin)
  if (!made) return 'ended'
  return post(made.url, made.headers, made.body, () => undefined)
}

/** One attempt at a push message; `ended` if the relay's key no longer opens the keys of the device. */
function ring(leased: Leased, { config }: SenderContext): Promise<Reply | 'ended'> {
  const { target_id, url = '', secret = '', origin, event, open = 0 } = leased
  const device = { target_id, url, secret, origin }
  return push(device, event.thread_name, (tag) => messageText(event, open, tag), config)
}
