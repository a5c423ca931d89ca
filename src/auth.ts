/**
 * Who is asking: by the static key or an OAuth access token. Every request carries its own, in the
 * Authorization header (RFC 6750 section 2.1); one in the query string is never read.
 */
import type { Config } from './config.ts'
import type { DatabaseCaller } from './db.ts'
import { isClientKey } from './key-rules.ts'
import { isKey } from './keys.ts'
import { verifyAccessToken, verifyClientKey } from './oauth/bearer.ts'
import type { Site } from './oauth/issuer.ts'
import { isJwt } from './oauth/jwt.ts'
import type { Scope } from './scopes.ts'

/** Who may use the threads, and what for. Whether its connection was cut off, only the database knows. */
export interface AuthInfo extends DatabaseCaller {
  scope: Scope
}

/** The caller that has the key of the relay itself. */
export const KEY_HOLDER: AuthInfo = { gid: 'key', kind: 'key', client: undefined, scope: 'mcp' }

/**
 * Why a caller is refused: it sent nothing; it pasted the scheme with the key; its token is expired or
 * foreign; it sent another key; its token is not for this host.
 */
export type Refusal = 'no_token' | 'doubled_scheme' | 'invalid_token' | 'wrong_key' | 'wrong_host'

export type Authentication = { ok: true; auth: AuthInfo } | { ok: false; refusal: Refusal }

/** Judges the Authorization header. A key is good under every host, a token under the issuer's. */
export async function authenticate(
  request: Request,
  config: Config,
  { keys, isIssuerHost }: Pick<Site, 'keys' | 'isIssuerHost'>,
): Promise<Authentication> {
  const refuse = (refusal: Refusal): Authentication => ({ ok: false, refusal })
  const [, token] = /^Bearer +(.*)$/i.exec(request.headers.get('authorization') ?? '') ?? []
  if (!token) return refuse('no_token')
  if (/^Bearer\b/i.test(token)) return refuse('doubled_scheme')
  if (await isKey(token, config)) {
    return { ok: true, auth: KEY_HOLDER }
  }
  if (!isJwt(token)) return refuse('wrong_key')
  const isKeyOfClient = isClientKey(token)
  if (!isIssuerHost && !isKeyOfClient) return refuse('wrong_host')
  const verify = isKeyOfClient ? verifyClientKey : verifyAccessToken
  const grant = await verify(token, keys, Date.now())
  if (grant?.userId !== config.userId) return refuse('invalid_token')
  const { scope, gid, client } = grant
  return { ok: true, auth: { scope, gid, kind: isKeyOfClient ? 'key' : 'oauth', client } }
}
