/** A receiver of webhooks as the specification describes it: proves itself, verifies signatures, keeps events. */
import { createHmac, randomBytes } from 'node:crypto'
import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import { afterAll } from 'vitest'
import { createTestRelay, type RelayClient, type TestRelay } from '../../support/relay.ts'
import { type Outside, startOutside } from '../outside.ts'

export const URL_OF_RECEIVER = 'https://receiver.example/hook?token=a-secret-of-the-address'

// biome-ignore lint/suspicious/noExplicitAny: tests state what they expect by asserting it.
type Json = any

export interface Received {
  url: string
  headers: IncomingHttpHeaders
  text: string
  body: Json
}

export const createSecret = () => `whsec_${randomBytes(32).toString('base64')}`

let shared: Promise<Started> | undefined
afterAll(async () => (await shared)?.stop())

/**
 * A relay that may reach receivers, the internet in which they are, and a client with a key of its own. Tests
 * in one file that pass no settings, and in which nothing is sent, share one, which is emptied each time.
 */
export async function startRelay(bindings?: Record<string, string | undefined>) {
  shared ??= bindings ? undefined : start({})
  const started = await (bindings ? start(bindings) : (shared as Promise<Started>))
  const { relay, outside, stop } = started
  if (!bindings) await relay.empty()
  outside.deliveries.length = 0
  return {
    relay,
    outside,
    receiver: receive(outside),
    ...clientOf(relay, await makeKey(relay)),
    async [Symbol.asyncDispose]() {
      if (bindings) await stop()
    },
  }
}

type Started = Awaited<ReturnType<typeof start>>

async function start(bindings: Record<string, string | undefined>) {
  const outside = await startOutside()
  const relay = await createTestRelay({
    outside,
    bindings: { RELAY_EVENT_HOSTS: 'receiver.example', ...bindings },
  })
  const stop = async () => {
    await relay[Symbol.asyncDispose]()
    await outside[Symbol.asyncDispose]()
  }
  return { relay, outside, stop }
}

/** A key for one client. */
export async function makeKey(relay: TestRelay, scope = 'mcp'): Promise<string> {
  const made = await relay.fetch('/manage', {
    method: 'POST',
    headers: { authorization: `Bearer ${relay.key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ action: 'make_key', name: 'client', scope }),
  })
  return ((await made.json()) as { key: string }).key
}

/** Answers challenges, and everything else with `answer`. */
function receive(outside: Outside) {
  const receiver = {
    challenges: [] as Received[],
    events: [] as Received[],
    answer: (response: ServerResponse, _event: Received): unknown => response.writeHead(202).end(),
    answerChallenge: (response: ServerResponse, { challenge }: Json): unknown =>
      response.end(JSON.stringify({ challenge })),
  }
  outside.answer = (response, { url, headers, text }) => {
    const received = { url, headers, text, body: JSON.parse(text) }
    if (received.body.type === 'verification') {
      receiver.challenges.push(received)
      return receiver.answerChallenge(response, received.body)
    }
    receiver.events.push(received)
    return receiver.answer(response, received)
  }
  return receiver
}

/** The signatures that a secret makes of what was received, Standard Webhooks 1.0.0. */
export function signatureOf({ headers, text }: Received, secret: string): string {
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64')
  const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${text}`
  return `v1,${createHmac('sha256', key).update(signed).digest('base64')}`
}

/** The calls of a client of events, in the legacy era. */
export function clientOf(relay: RelayClient, token?: string) {
  const rpc = async (method: string, params: object = {}): Promise<Json> => {
    const headers = {
      'mcp-protocol-version': '2025-11-25',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    }
    const { status, body } = await relay.rpc({ jsonrpc: '2.0', id: 1, method, params }, headers)
    return body?.result ?? (typeof body?.error === 'object' ? body.error : { status })
  }
  const name = 'message.posted'
  return {
    rpc,
    poll: (cursor: string | null, params: object = {}) =>
      rpc('events/poll', { name, cursor, ...params }),
    subscribe: (secret: string, { delivery = {}, ...params }: Json = {}) =>
      rpc('events/subscribe', {
        name,
        delivery: { mode: 'webhook', url: URL_OF_RECEIVER, secret, ...delivery },
        ...params,
      }),
    unsubscribe: (params: object = {}) =>
      rpc('events/unsubscribe', {
        name,
        delivery: { mode: 'webhook', url: URL_OF_RECEIVER },
        ...params,
      }),
  }
}

export const post = (relay: TestRelay, fields: object = {}) =>
  relay.call('relay_post_message', {
    thread_name: 'release',
    surface: 'code',
    content: 'what only the relay may hold',
    ...fields,
  })
