/**
 * Notifications for a person of a message that is addressed to them: one signed POST to RELAY_NOTIFY_URL, in the
 * format of ntfy, Slack or Discord by its host name, otherwise as JSON. It has the headline and a link, never
 * the content.
 */
import type { Config } from './config.ts'
import { boardLink, cutName, type PostedMessage } from './events/event-type.ts'
import { hmac, signBody } from './events/signature.ts'
import { quote } from './similar.ts'

/** The contents of a notification. */
interface Headline {
  thread: string
  seq: number
  to: string
  from: string | undefined
  surface: string
}

/** Characters that Discord takes. A link may have 1,800: nine for each character of a CJK name. */
const DISCORD_LENGTH = 2_000

/**
 * The request that notifies of a message; undefined without the setting. The signature is that of Standard
 * Webhooks, with a derived key whose holder can verify notifications and do nothing else.
 */
export async function notification(
  { notifyUrl, apiKey }: Config,
  { id, thread_name, seq, from, to, surface }: PostedMessage,
  origin: string,
): Promise<{ url: string; headers: Record<string, string>; body: string } | undefined> {
  if (notifyUrl === undefined) return undefined
  const headline = {
    thread: cutName(thread_name),
    seq,
    to: cutName(to ?? ''),
    from: from === undefined ? undefined : cutName(from),
    surface,
  }
  const link = boardLink(origin, thread_name, seq)
  const [address, payload] = format(new URL(notifyUrl), headline, link)
  const body = JSON.stringify(payload)
  const key = new Uint8Array(await hmac(new TextEncoder().encode(apiKey), 'relay-notify'))
  return { url: address.href, headers: await signBody(`msg_${id}`, body, [key]), body }
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
