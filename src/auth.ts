/** Who is asking. Today by the static key; every request carries its own. */
import type { Config } from './config.ts'
import { json } from './http.ts'

/** Whose threads a request may use. */
export interface AuthInfo {
  userId: string
}

export type Authentication = { ok: true; auth: AuthInfo } | { ok: false; challenge: Response }

/** Judges the Authorization header, RFC 6750 section 2.1. A token in the query string is never read. */
export async function authenticate(request: Request, config: Config): Promise<Authentication> {
  const [, token] = /^Bearer +(.*)$/i.exec(request.headers.get('authorization') ?? '') ?? []
  if (token === undefined) return { ok: false, challenge: challenge() }
  // Both are compared, whichever it is: the time it takes does not tell.
  const matches = await Promise.all(
    [config.apiKey, config.previousApiKey ?? config.apiKey].map((key) => isSame(token, key)),
  )
  if (!matches.includes(true)) return { ok: false, challenge: challenge('invalid_token') }
  return { ok: true, auth: { userId: config.userId } }
}

/** RFC 6750 section 3: no error code where no token was sent. */
function challenge(error?: 'invalid_token'): Response {
  const message = error
    ? 'The Bearer key is not the one of this relay.'
    : 'Send the key of this relay: "Authorization: Bearer <RELAY_API_KEY>".'
  return json({ error: 'unauthorized', message }, 401, {
    'www-authenticate': `Bearer realm="relay-mcp"${error ? `, error="${error}"` : ''}`,
  })
}

/** Compares digests, so that the time it takes tells nothing of where, or how long, the texts differ. */
async function isSame(a: string, b: string): Promise<boolean> {
  const [left, right] = await Promise.all([a, b].map(digest))
  return crypto.subtle.timingSafeEqual(left as ArrayBuffer, right as ArrayBuffer)
}

function digest(text: string): Promise<ArrayBuffer> {
  return crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
}
