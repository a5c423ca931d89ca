/** What every endpoint needs of HTTP: answers, bodies with a limit, CORS and the Origin rule. */
import { isLoopback } from './config.ts'

/** 2 MB: a message of 100,000 four-byte characters, escaped, in a batch of a few. */
const MAX_BODY_BYTES = 2_000_000

/** 20 MB: more than any client sends by mistake. */
const MAX_DISCARDED_BYTES = 20_000_000

/** A JSON answer. */
export function json(body: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { 'content-type': 'application/json', ...headers },
  })
}

/** Sends a browser on, by GET. */
export function redirect(location: string): Response {
  return new Response(null, { status: 302, headers: { location, 'cache-control': 'no-store' } })
}

/** Whether a request says that its body is JSON. */
export function isJson(request: Request): boolean {
  const [mediaType = ''] = (request.headers.get('content-type') ?? '').split(';')
  return mediaType.trim().toLowerCase() === 'application/json'
}

export type Body = { ok: true; text: string } | { ok: false; fault: 'too_large' | 'unreadable' }

/**
 * Reads a body as UTF-8, no further than the limit. Bytes that are not UTF-8 are refused: a
 * replacement character would store something that nobody wrote.
 */
export async function readBody(request: Request): Promise<Body> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false })
  let text = ''
  let bytes = 0
  try {
    for await (const chunk of request.body?.values({ preventCancel: true }) ?? []) {
      bytes += chunk.byteLength
      if (bytes > MAX_BODY_BYTES) return { ok: false, fault: 'too_large' }
      text += decoder.decode(chunk, { stream: true })
    }
    return { ok: true, text: text + decoder.decode() }
  } catch {
    // Not UTF-8, or not what the framing of the body promised.
    return { ok: false, fault: 'unreadable' }
  }
}

/**
 * Reads on to the end of a body that nobody wanted, and keeps nothing: a connection that is closed
 * while the client is still sending takes the answer with it.
 */
export async function discardBody(request: Request): Promise<void> {
  let bytes = 0
  try {
    for await (const chunk of request.body?.values() ?? []) {
      bytes += chunk.byteLength
      if (bytes > MAX_DISCARDED_BYTES) return
    }
  } catch {
    // The client has gone.
  }
}

/**
 * Whether a browser page of this origin may call the relay: the relay's own pages, pages that were
 * allowed by name, and, when the relay itself runs on this machine, others of this machine.
 */
export function isAllowedOrigin(origin: string, url: URL, allowed: ReadonlySet<string>): boolean {
  const page = URL.parse(origin)
  if (!page || page.origin !== origin) return false
  if (allowed.has(origin) || page.host === url.host) return true
  return isLoopback(page.hostname) && isLoopback(url.hostname)
}

/** The answer to a preflight; which origin it allows is allowOrigin()'s to say. */
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

/** Lets pages of that origin, or with `*` of any, read the answer. */
export function allowOrigin(response: Response, origin: string): Response {
  response.headers.set('access-control-allow-origin', origin)
  response.headers.set('access-control-expose-headers', 'WWW-Authenticate')
  if (origin !== '*') response.headers.append('vary', 'Origin')
  return response
}
