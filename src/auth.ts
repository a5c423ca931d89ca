/**
 * Who is asking: by the static key or an OAuth access token. Every request carries its own, in the
 * Authorization header (RFC 6750 section 2.1); one in the query string is never read.
 */
import type { Config } from './config.ts'
import { isApiKey } from './keys.ts'
import { isJwt, verifyAccessToken } from './oauth/bearer.ts'
import type { SigningKeys } from './oauth/jwt.ts'
import type { Scope } from './scopes.ts'

/** Whose threads a request may use, and what for. */
export interface AuthInfo {
  userId: string
  scope: Scope
  /** The name of the OAuth client; undefined for the static key. It is unverified. */
  client: string | undefined
}

export type Authentication =
  | { ok: true; auth: AuthInfo }
  /** `none`: no token was sent. `wrong_key`: what was sent may be a guess at the key. */
  | { ok: false; fault: 'none' | 'invalid_token' | 'wrong_key' | 'wrong_host' }

/**
 * Judges the Authorization header. `keys` verify access tokens; undefined while OAuth is off.
 * `isOwnHost` says whether the request came to the host that tokens are issued for.
 */
export async function authenticate(
  request: Request,
  config: Config,
  keys: SigningKeys | undefined,
  isOwnHost: boolean,
): Promise<Authentication> {
  const [, token] = /^Bearer +(.*)$/i.exec(request.headers.get('authorization') ?? '') ?? []
  if (!token) return { ok: false, fault: 'none' }
  const { userId } = config
  if (await isApiKey(token, config))
    return { ok: true, auth: { userId, scope: 'mcp', client: undefined } }
  if (!isJwt(token)) return { ok: false, fault: 'wrong_key' }
  if (!isOwnHost) return { ok: false, fault: 'wrong_host' }
  const grant = keys && (await verifyAccessToken(token, keys, Date.now()))
  if (grant?.userId !== userId) return { ok: false, fault: 'invalid_token' }
  return { ok: true, auth: grant }
}
