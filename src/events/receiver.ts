/**
 * Receivers of webhooks: which URLs may be one, and one request to it. A receiver is chosen by a client and may
 * be anything. Nothing of its answer is kept or shown but which kind of answer it was.
 */
import type { Config } from '../config.ts'
import { readBody } from '../http.ts'
import { isPrivateHost } from '../loopback.ts'

/** ChatGPT's receivers, which need not be allowed first. */
export const KNOWN_HOST = 'connectors.api.openai.com'

/** Milliseconds for an attempt: under a tenth of a lease. */
const TIME_LIMIT = 4_000

const MAX_URL_LENGTH = 2_048
const MAX_ANSWER_BYTES = 4_096

/** Ways to what `fetch` does not reach: receivers on this machine, by their origin. At home only. */
export type Receivers = (
  origin: string,
) => { fetch(url: string, init: RequestInit): Promise<Response> } | undefined

export interface Reach {
  config: Pick<Config, 'eventHosts' | 'publicUrl'>
  receivers: Receivers
}

export type UrlFault = { fault: 'malformed' | 'not_allowed'; message: string }

/**
 * The fault of a receiver's URL, or undefined. `origins`: where the relay itself answers, which would wake
 * itself. Which address a name has is checked where it is connected to: on Cloudflare there is no private
 * network to reach, and at home workerd refuses those addresses.
 */
export function judgeUrl(
  given: string,
  { config, receivers }: Reach,
  origins: string[],
): UrlFault | undefined {
  const url = URL.parse(given)
  const malformed = (message: string): UrlFault => ({ fault: 'malformed', message })
  if (!url || given.length > MAX_URL_LENGTH) return malformed('delivery.url must be an https URL')
  if (/[\p{Cc}\p{Cs}\s]/u.test(given)) {
    return malformed('delivery.url must have no white space or control characters')
  }
  if (url.username || url.password || url.hash || given.includes('#')) {
    return malformed('delivery.url must have no user name, password or fragment')
  }
  if (receivers(url.origin)) return undefined
  if (url.protocol !== 'https:') return malformed('delivery.url must be an https URL')
  if (url.port) return malformed('delivery.url must use port 443')
  // A dot at the end would make another name of the same host.
  if (/^\[|^[\d.]+$|\.$/.test(url.hostname) || isPrivateHost(url.hostname)) {
    return malformed('delivery.url must have a public host name')
  }
  if ([config.publicUrl, ...origins].includes(url.origin)) {
    return malformed('delivery.url must not be the relay itself')
  }
  const { eventHosts } = config
  if (url.hostname === KNOWN_HOST || eventHosts.has('*') || eventHosts.has(url.hostname)) {
    return undefined
  }
  const message = `${url.hostname} is not among RELAY_EVENT_HOSTS, which the owner of this relay sets`
  return { fault: 'not_allowed', message }
}

/** Kinds of failure, SEP-3415. */
export type Failure = 'connection_refused' | 'timeout' | 'tls_error' | 'http_4xx' | 'http_5xx'

/** Statuses with which Cloudflare answers for a receiver that it could not reach. */
const EDGE_FAILURES: Record<number, Failure> = {
  521: 'connection_refused',
  522: 'timeout',
  523: 'connection_refused',
  524: 'timeout',
  525: 'tls_error',
  526: 'tls_error',
  530: 'connection_refused',
}

export type Reply =
  | { ok: true; body: string | undefined }
  /** `status` is 0 when no answer came; `retryAfter` in seconds. */
  | { ok: false; failure: Failure; status: number; retryAfter: number | undefined }

/** POSTs once, JSON unless `headers` say otherwise. Reads the answer only if `reads`. Never throws. */
export async function post(
  url: string,
  headers: Record<string, string>,
  body: string | Uint8Array,
  receivers: Receivers,
  reads = false,
): Promise<Reply> {
  const signal = AbortSignal.timeout(TIME_LIMIT)
  try {
    const via = receivers(new URL(url).origin) ?? globalThis
    const response = await via.fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'user-agent': 'relay-mcp', ...headers },
      body,
      // Where it leads has not been checked.
      redirect: 'manual',
      signal,
    })
    const { ok, status } = response
    if (ok && reads) {
      const read = await readBody(response, MAX_ANSWER_BYTES)
      return { ok, body: read.ok ? read.text : undefined }
    }
    // An answer may never end.
    await response.body?.cancel()
    if (ok) return { ok, body: undefined }
    const failure = EDGE_FAILURES[status] ?? (status >= 500 ? 'http_5xx' : 'http_4xx')
    return { ok: false, failure, status, retryAfter: readRetryAfter(response.headers) }
  } catch {
    // workerd does not say why it could not connect; at home its own line in the terminal does.
    const failure = signal.aborted ? 'timeout' : 'connection_refused'
    return { ok: false, failure, status: 0, retryAfter: undefined }
  }
}

/** Seconds, RFC 9110 section 10.2.3. */
function readRetryAfter(headers: Headers): number | undefined {
  const value = headers.get('retry-after') ?? ''
  const seconds = /^\d{1,6}$/.test(value) ? Number(value) : (Date.parse(value) - Date.now()) / 1000
  return seconds > 0 ? Math.ceil(Math.min(seconds, 86_400)) : undefined
}
