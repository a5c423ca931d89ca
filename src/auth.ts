/**
 * Who is asking: by the static key or an OAuth access token. Every request carries its own, in the
 * Authorization header (RFC 6750 section 2.1); one in the query string is never read.
 */
import type { Config } from './config.ts'
import { isLongKey, judgeGuess } from './keys.ts'
import { type Guesses, UNLIMITED } from './limits.ts'
import { verifyAccessToken } from './oauth/bearer.ts'
import { isJwt, type SigningKeys } from './oauth/jwt.ts'
import type { Scope } from './scopes.ts'

/** Whose threads a request may use, and what for. */
export interface AuthInfo {
  userId: string
  scope: Scope
  /** Tells callers apart: `key`, or the hash of an OAuth client's id. */
  id: string
  /** The name of the OAuth client; undefined for the static key. It is unverified. */
  client: string | undefined
}

export type Authentication =
  | { ok: true; auth: AuthInfo }
  /**
   * `none`: no token was sent. `doubled_scheme`: it was pasted with its scheme. `wrong_key`: what was sent may be a guess at the key, and was counted.
   * `limited`: too many guesses came from there.
   */
  | {
      ok: false
      fault: 'none' | 'doubled_scheme' | 'invalid_token' | 'wrong_key' | 'limited' | 'wrong_host'
    }

/**
 * Judges the Authorization header. `keys` verify access tokens; undefined while OAuth is off.
 * `isOwnHost` says whether the request came to the host that tokens are issued for.
 */
export async function authenticate(
  request: Request,
  config: Config,
  keys: SigningKeys | undefined,
  isOwnHost: boolean,
  guesses: Guesses = UNLIMITED,
): Promise<Authentication> {
  const [, token] = /^Bearer +(.*)$/i.exec(request.headers.get('authorization') ?? '') ?? []
  if (!token) return { ok: false, fault: 'none' }
  if (/^Bearer\b/i.test(token)) return { ok: false, fault: 'doubled_scheme' }
  const { userId } = config
  const owner: Authentication = {
    ok: true,
    auth: { userId, scope: 'mcp', id: 'key', client: undefined },
  }
  if (await isLongKey(token, config)) return owner
  if (!isJwt(token)) {
    const verdict = await judgeGuess(token, config, guesses)
    if (verdict === 'right') return owner
    return { ok: false, fault: verdict === 'wrong' ? 'wrong_key' : 'limited' }
  }
  if (!isOwnHost) return { ok: false, fault: 'wrong_host' }
  const grant = keys && (await verifyAccessToken(token, keys, Date.now()))
  if (grant?.userId !== userId) return { ok: false, fault: 'invalid_token' }
  return { ok: true, auth: grant }
}
