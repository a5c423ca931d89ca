/** HTTP for every endpoint: answers, bodies with a limit, CORS and the Origin rule. */
import type { RequestLog } from './log.ts'
import { isLoopback } from './loopback.ts'

/** A JSON answer. */
export function json(body: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { 'content-type': 'application/json', ...headers },
  })
}

/** Redirects a browser, which follows with GET. */
export function redirect(location: string): Response {
  return new Response(null, { status: 302, headers: { location, 'cache-control': 'no-store' } })
}

/**
 * Answers a request for another host, RFC 9110 section 15.5.20. Only the log names the host: it is
 * how the operator learns that RELAY_PUBLIC_URL is missing or wrong.
 */
export function refuseHost(url: URL, log: RequestLog): Response {
  log.add({
    outcome: 'refused',
    error_code: 'wrong_host',
    refused_host: url.host.slice(0, 100),
    reason: `asked for the host ${url.host.slice(0, 100)}; RELAY_PUBLIC_URL names the one for clients`,
  })
  return json({ error: 'misdirected_request', message: 'This relay has another host name.' }, 421)
}

/** Whether a request names a media type in its Accept header. */
export function accepts(request: Request, mediaType: string): boolean {
  return request.headers.get('accept')?.includes(mediaType) === true
}

/** Whether a request says that its body is JSON. */
export function isJson(request: Request): boolean {
  // A proxy may have doubled the header.
  const types = (request.headers.get('content-type') ?? '').split(',')
  return types.every((type) => type.split(';')[0]?.trim().toLowerCase() === 'application/json')
}

export type Body = { ok: true; text: string } | { ok: false; fault: keyof typeof BODY_STATUSES }

/** The HTTP status of each fault of a body. `encoded`: it is compressed, which nothing here unpacks. */
export const BODY_STATUSES = {
  encoded: 415,
  too_large: 413,
  too_slow: 408,
  unreadable: 400,
} as const

/** The sentence for each fault of a body. */
export const BODY_SENTENCES = {
  encoded: 'The body has a Content-Encoding: send it uncompressed',
  too_large: 'The body is too large',
  too_slow: 'The body did not arrive in time',
  unreadable: 'The body cannot be read as UTF-8',
}

/** Bytes of an unread body that workerd discards by itself before it closes the connection. */
const GRACE_BYTES = 65_536

/** Milliseconds for a sender to fill the buffers. */
const SETTLE_TIME = 100

/**
 * Waits a moment before refusing a request whose body has not been read. workerd closes the connection
 * right after the answer, and a peer that is still writing would run into the closed connection before
 * reading it. After a moment it has filled the buffers and is waiting, so it reads the answer first.
 */
export async function settleUpload({ headers, body }: Request): Promise<void> {
  const length = headers.get('content-length')
  if (!body || (length !== null && Number(length) <= GRACE_BYTES)) return
  await new Promise((resolve) => setTimeout(resolve, SETTLE_TIME))
}

/** Milliseconds in which a body must have arrived: a slower one holds memory for nothing. */
const BODY_TIME_LIMIT = 10_000

/**
 * Bodies up to this many bytes are read in one piece, which takes a quarter of the time. workerd sets
 * memory aside for the whole declared length, so larger ones are taken as they come.
 */
const ONE_PIECE_BYTES = 65_536

const UTF_8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false })

/**
 * Reads the body of a request or response as UTF-8: at most `maxBytes`, within the time limit, and
 * not at all if it declares to be longer. Once it is refused, nothing more of it is read: reading
 * 300 uploads to their end took 250 MB. Bytes that are not UTF-8 are refused, because a replacement
 * character would store something that was never written.
 */
export async function readBody(message: Request | Response, maxBytes: number): Promise<Body> {
  const length = message.headers.get('content-length')
  if (Number(length) > maxBytes) return { ok: false, fault: 'too_large' }
  // fetch() has unpacked that of a response.
  const encoding = message.headers.get('content-encoding') ?? 'identity'
  if (message instanceof Request && encoding.toLowerCase() !== 'identity') {
    return { ok: false, fault: 'encoded' }
  }
  const { promise: timeout, resolve } = Promise.withResolvers<'too_slow'>()
  const timer = setTimeout(resolve, BODY_TIME_LIMIT, 'too_slow')
  try {
    // Of a response the length says nothing: it may be that of a compressed body.
    if (message instanceof Request && length !== null && Number(length) <= ONE_PIECE_BYTES) {
      const whole = await Promise.race([message.arrayBuffer(), timeout])
      if (whole === 'too_slow') return { ok: false, fault: 'too_slow' }
      return { ok: true, text: UTF_8.decode(whole) }
    }
    if (!message.body) return { ok: true, text: '' }
    const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false })
    const reader = message.body.getReader()
    let text = ''
    let bytes = 0
    while (true) {
      const chunk = await Promise.race([reader.read(), timeout])
      if (chunk === 'too_slow') return { ok: false, fault: 'too_slow' }
      if (chunk.done) return { ok: true, text: text + decoder.decode() }
      bytes += chunk.value.byteLength
      if (bytes > maxBytes) return { ok: false, fault: 'too_large' }
      text += decoder.decode(chunk.value, { stream: true })
    }
  } catch {
    // Not UTF-8, or not as the framing of the body promised.
    return { ok: false, fault: 'unreadable' }
  } finally {
    clearTimeout(timer)
  }
}

/**
 * Whether a browser page of this origin may call the relay: the relay's own pages, pages that were
 * allowed by name, and, when the relay itself runs on this machine, others of this machine.
 */
export function isAllowedOrigin(origin: string, url: URL, allowed: ReadonlySet<string>): boolean {
  if (allowed.has(origin)) return true
  const page = URL.parse(origin)
  if (!page || page.origin !== origin) return false
  if (page.host === url.host) return true
  return isLoopback(page.hostname) && isLoopback(url.hostname)
}

/** The answer to a preflight; allowOrigin() adds which origin it is for. */
export function preflight(): Response {
  return new Response(null, {
    status: 204,
    headers: {
      'access-control-allow-methods': 'GET, POST',
      'access-control-allow-headers':
        'Authorization, Content-Type, Accept, MCP-Protocol-Version, Mcp-Method, Mcp-Name, Mcp-Session-Id, Last-Event-ID',
      'access-control-max-age': '86400',
    },
  })
}

/** Lets pages of that origin, or of any with `*`, read the answer. */
export function allowOrigin(response: Response, origin: string): Response {
  response.headers.set('access-control-allow-origin', origin)
  response.headers.set('access-control-expose-headers', 'WWW-Authenticate')
  if (origin !== '*') response.headers.append('vary', 'Origin')
  return response
}

/** Server-sent events that are all there already: one message each, then the end. */
export function eventStream(messages: object[]): Response {
  const events = messages.map((message) => `event: message\ndata: ${JSON.stringify(message)}\n\n`)
  return new Response(events.join(''), {
    headers: {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    },
  })
}
