/**
 * Everything the relay signs: client ids, authorization codes, access and refresh tokens. Each kind
 * has a `typ` and an audience of its own, so that none passes for another. The only importer of jose.
 */
import { errors, jwtVerify, SignJWT } from 'jose'
import * as z from 'zod/mini'
import { SCOPES } from '../scopes.ts'
import { resources } from './resources.ts'

/** What signs and verifies. */
export interface SigningKeys {
  /** Signs, and verifies first. */
  current: string
  /** Verifies too, while a rotation lasts. */
  previous: string | undefined
  /** The origin of the authorization server. */
  issuer: string
}

const Grant = z.object({
  sub: z.string(),
  client_id: z.string(),
  scope: z.enum(SCOPES),
  jti: z.string(),
})

/** Claims of each kind, beside `iss`, `aud`, `iat` and `exp`, which are written and checked here. */
const CLAIMS = {
  client: z.object({
    client_name: z.string(),
    redirect_uris: z.array(z.string()),
  }),
  code: z.extend(Grant, {
    redirect_uri: z.string(),
    code_challenge: z.string(),
  }),
  access: Grant,
  refresh: Grant,
}

export type TokenKind = keyof typeof CLAIMS
export type Claims<Kind extends TokenKind> = z.infer<(typeof CLAIMS)[Kind]>

/** `typ` of each kind (RFC 8725 section 3.11; that of access tokens is RFC 9068's). */
const TYPES: Record<TokenKind, string> = {
  client: 'relay-client+jwt',
  code: 'relay-code+jwt',
  access: 'at+jwt',
  refresh: 'relay-refresh+jwt',
}

/** Seconds that each kind is valid; a client id carries no authority and has no end. */
export const LIFETIMES = {
  code: 60,
  access: 90 * 24 * 3600,
  refresh: 365 * 24 * 3600,
} as const

/** Who each kind is for: the endpoint that takes it, or the resource. */
function audience(kind: TokenKind, issuer: string): string[] {
  switch (kind) {
    case 'client':
      return [`${issuer}/authorize`]
    case 'code':
    case 'refresh':
      return [`${issuer}/token`]
    case 'access':
      return resources(issuer)
  }
}

/** Signs claims as a token of that kind, issued `now` (milliseconds). */
export async function sign<Kind extends TokenKind>(
  kind: Kind,
  claims: Claims<Kind>,
  keys: SigningKeys,
  now: number,
): Promise<string> {
  const issuedAt = Math.floor(now / 1000)
  const token = new SignJWT({ ...claims })
    .setProtectedHeader({ alg: 'HS256', typ: TYPES[kind] })
    .setIssuer(keys.issuer)
    .setAudience(audience(kind, keys.issuer))
    .setIssuedAt(issuedAt)
  if (kind !== 'client')
    token.setExpirationTime(issuedAt + LIFETIMES[kind as keyof typeof LIFETIMES])
  return token.sign(new TextEncoder().encode(keys.current))
}

/** The claims of a token of that kind, or undefined: whatever is wrong with it, it is none. */
export async function verify<Kind extends TokenKind>(
  kind: Kind,
  token: string,
  keys: SigningKeys,
  now: number,
): Promise<Claims<Kind> | undefined> {
  for (const key of [keys.current, keys.previous]) {
    if (key === undefined) continue
    const options = {
      algorithms: ['HS256'],
      typ: TYPES[kind],
      issuer: keys.issuer,
      audience: audience(kind, keys.issuer),
      requiredClaims: kind === 'client' ? ['iat'] : ['iat', 'exp'],
      currentDate: new Date(now),
    }
    const verified = await jwtVerify(token, new TextEncoder().encode(key), options).catch(asInvalid)
    const claims = CLAIMS[kind].safeParse(verified?.payload)
    if (claims.success) return claims.data as Claims<Kind>
  }
  return undefined
}

function asInvalid(error: unknown): undefined {
  if (!(error instanceof errors.JOSEError)) throw error
}
