/** Access tokens at the resource, and the challenge that leads a client to one. RFC 6750, RFC 9728. */
import { json } from '../http.ts'
import { SCOPES, type Scope } from '../scopes.ts'
import { gidOf, type SigningKeys, verify } from './jwt.ts'

/** The claims of a token about its bearer. */
export interface BearerGrant {
  userId: string
  scope: Scope
  gid: string
  /** The name of the client that it was issued to. */
  client: string
}

/** Verifies an access token: its grant, or undefined. */
export async function verifyAccessToken(
  token: string,
  keys: SigningKeys,
  now: number,
): Promise<BearerGrant | undefined> {
  const claims = await verify('access', token, keys, now)
  const gid = claims && gidOf(claims)
  if (!claims || gid === undefined) return undefined
  return { userId: claims.sub, scope: claims.scope, gid, client: claims.name }
}

/** Verifies a key for one client: its grant, or undefined. It is good under any issuer. */
export async function verifyClientKey(
  token: string,
  keys: SigningKeys,
  now: number,
): Promise<BearerGrant | undefined> {
  const claims = await verify('key', token, keys, now)
  return claims && { userId: claims.sub, scope: claims.scope, gid: claims.gid, client: claims.name }
}

const INVALID = {
  status: 401,
  error: 'invalid_token',
  message: 'The Bearer token is not valid here.',
} as const

const CHALLENGES = {
  /** No error code where no token was sent, RFC 6750 section 3.1. */
  no_token: {
    status: 401,
    error: '',
    message: 'Send a Bearer token: the key of this relay, or one from OAuth.',
  },
  doubled_scheme: {
    status: 401,
    error: 'invalid_token',
    message:
      'The Authorization header has the word Bearer twice: the value to paste has it already.',
  },
  invalid_token: INVALID,
  wrong_key: INVALID,
  insufficient_scope: {
    status: 403,
    error: 'insufficient_scope',
    message: 'This connection is read-only. To let it post, connect again and allow everything.',
  },
} as const

/** Refuses a request for its token. `metadataUrl` is where the protected resource describes itself. */
export function challenge(refusal: keyof typeof CHALLENGES, metadataUrl: string): Response {
  const { status, error, message } = CHALLENGES[refusal]
  const scope = refusal === 'insufficient_scope' ? 'mcp' : SCOPES.join(' ')
  const reason = error ? `error="${error}", ` : ''
  return json({ error: error || 'unauthorized', message }, status, {
    'www-authenticate': `Bearer ${reason}scope="${scope}", resource_metadata="${metadataUrl}"`,
  })
}
