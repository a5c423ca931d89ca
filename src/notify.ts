/**
 * Notifies a person of a message that is addressed to them: one signed POST to RELAY_NOTIFY_URL, in the
 * format of ntfy, Slack or Discord by its host name, otherwise as JSON. It has the headline and a link,
 * never the content. It is sent after the answer, and the post stands even if it fails.
 */
import type { Config } from './config.ts'
import { RequestLog } from './log.ts'
import { foldName, quote } from './similar.ts'

/** The contents of a notification. */
export interface Headline {
  thread: string
  seq: number
  to: string
  from: string | undefined
  surface: string
}

/** Milliseconds: for one attempt, and between the two. Cloudflare ends the request's work after 30 s. */
const TIME_LIMIT = 5_000
const PAUSE = 2_000

/** Characters that Discord takes. A link may have 1,800: nine for each character of a CJK name. */
const DISCORD_LENGTH = 2_000

/** Stands for every status of success. */
const OK = 200

/** Sends the notification if the message is addressed to one of the names. Never throws. */
export async function notify(
  { notifyUrl, notifyFor, apiKey }: Config,
  origin: string,
  headline: Headline,
): Promise<void> {
  if (notifyUrl === undefined || !notifyFor.has(foldName(headline.to))) return
  const { thread, seq } = headline
  const link = `${origin}/board/#/t/${encodeURIComponent(thread)}/${seq}`
  const [address, payload] = format(new URL(notifyUrl), headline, link)
  const body = JSON.stringify(payload)
  const signature = await sign(apiKey, body)
  const headers = { 'content-type': 'application/json', 'user-agent': 'relay-mcp', ...signature }
  let status = await send(address, headers, body)
  if (status !== OK) {
    await new Promise((resolve) => setTimeout(resolve, PAUSE))
    status = await send(address, headers, body)
  }
  if (status === OK) return
  // Without the address, which often contains a secret.
  const log = new RequestLog()
  log.add({ outcome: 'failed', error_code: 'notification', reason: `status ${status}` })
  log.write('notification')
}

/** OK, or the status of an unsuccessful answer; 0 if there was none in time. */
async function send(address: URL, headers: Record<string, string>, body: string): Promise<number> {
  try {
    const signal = AbortSignal.timeout(TIME_LIMIT)
    const init = { method: 'POST', headers, body, redirect: 'manual', signal } as const
    const response = await fetch(address, init)
    await response.body?.cancel()
    return response.ok ? OK : response.status
  } catch {
    return 0
  }
}

/**
 * The headers of Standard Webhooks 1.0.0: a signature over id, time and body. The key is derived, so that
 * its holder can verify notifications and do nothing else.
 */
async function sign(apiKey: string, body: string): Promise<Record<string, string>> {
  const id = `msg_${crypto.randomUUID()}`
  const time = `${Math.floor(Date.now() / 1000)}`
  const key = await hmac(encode(apiKey), 'relay-notify')
  const signature = new Uint8Array(await hmac(key, `${id}.${time}.${body}`))
  return {
    'webhook-id': id,
    'webhook-timestamp': time,
    'webhook-signature': `v1,${btoa(String.fromCharCode(...signature))}`,
  }
}

async function hmac(secret: ArrayBuffer | Uint8Array, text: string) {
  const algorithm = { name: 'HMAC', hash: 'SHA-256' }
  const key = await crypto.subtle.importKey('raw', secret, algorithm, false, ['sign'])
  return crypto.subtle.sign('HMAC', key, encode(text))
}

function encode(text: string) {
  return new TextEncoder().encode(text)
}

/** The URL and body of a notification. Names are chosen by sessions, so no format may act on them. */
function format(url: URL, headline: Headline, link: string): [URL, object] {
  const { to, thread, from, surface } = headline
  const { hostname, pathname } = url
  const write = (mark: (name: string) => string) =>
    `Message for ${mark(to)} in ${mark(thread)}${from ? ` from ${mark(from)}` : ''} (${surface})`
  if (hostname === 'hooks.slack.com') {
    const text = `${escapeSlack(write(toCode))}: <${link}|Open>`
    return [url, { text, parse: 'none' }]
  }
  if (/(^|\.)discord(app)?\.com$/.test(hostname)) {
    const content = `${write(toCode)}: ${link}`
    const short = `${write(toCode)}: ${new URL('/board/', link)}`
    const fits = content.length <= DISCORD_LENGTH
    return [url, { content: fits ? content : short, allowed_mentions: { parse: [] } }]
  }
  if (/^ntfy\./.test(hostname)) {
    // The topic belongs into the body here: headers could not carry every name.
    const [, base = '/', topic = ''] = /^(.*\/)([^/]+)\/*$/.exec(pathname) ?? []
    url.pathname = base
    return [url, { topic, message: write(quote), click: link }]
  }
  return [url, { type: 'relay.message', ...headline, link }]
}

/** In a code span neither Slack nor Discord sees links, mentions or formatting. */
function toCode(name: string): string {
  return `\`${name.replaceAll('`', "'")}\``
}

function escapeSlack(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
