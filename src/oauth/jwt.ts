/**
 * Everything the relay signs: client ids, authorization codes, access and refresh tokens, keys for one
 * client, and the links that npm start prints, which sign in to the board. Each kind has its own `typ` and audience, so that
 * none passes for another. Only this file signs and verifies.
 */
import { base64url, decodeProtectedHeader, errors, jwtVerify, SignJWT } from 'jose'
import * as z from 'zod/mini'
import { CLIENT_KEY_TYPE } from '../key-rules.ts'
import { SCOPES } from '../scopes.ts'
import { resources } from './resource-indicator.ts'

/** The keys that sign and verify. */
export interface SigningKeys {
  /** Signs, and verifies first. */
  current: string
  /** Verifies too, while a rotation lasts. */
  previous: string | undefined
  /** The origin of the authorization server. */
  issuer: string
}

/**
 * Tokens are kept short, claim names included: an access token, a refresh token and a client id must
 * fit into one record of Windows' credential store, 2,560 bytes of UTF-16.
 */
const Grant = z.object({
  sub: z.string(),
  /** The client's name: unverified, cleaned, at most 40 characters. Shown as `via` on its posts. */
  name: z.string(),
  scope: z.enum(SCOPES),
})

/** A hash of the client id, which is itself a signed statement and too long to repeat. */
const client = z.string()

/** The id of the grant. Tokens from before it was a claim have only `client`: gidOf(). */
const gid = z.optional(z.string())

/** Claims of each kind; `iss`, and for all but client ids `aud`, `iat` and `exp`, are added here. */
const CLAIMS = {
  client: z.object({
    name: z.string(),
    redirect_uris: z.array(z.string()),
    jti: z.string(),
  }),
  code: z.extend(Grant, {
    client,
    /** The id of the grant that it opens. */
    jti: z.string(),
    redirect_uri: z.string(),
    code_challenge: z.string(),
  }),
  access: z.extend(Grant, { gid, client: z.optional(client), jti: z.string() }),
  refresh: z.extend(Grant, { gid, client }),
  key: z.extend(Grant, { gid: z.string() }),
  link: z.object({ sub: z.string(), jti: z.string() }),
}

export type TokenKind = keyof typeof CLAIMS
export type Claims<Kind extends TokenKind> = z.infer<(typeof CLAIMS)[Kind]>

/** `typ` of each kind (RFC 8725 section 3.11; that of access tokens is RFC 9068's). */
const TYPES: Record<TokenKind, string> = {
  client: 'client+jwt',
  code: 'code+jwt',
  access: 'at+jwt',
  refresh: 'rt+jwt',
  key: CLIENT_KEY_TYPE,
  link: 'link+jwt',
}

/** Seconds that each kind is valid; a client id carries no authority and has no end. */
export const LIFETIMES = {
  code: 60,
  access: 90 * 24 * 3600,
  refresh: 365 * 24 * 3600,
  key: 3650 * 24 * 3600,
  link: 600,
} as const

/**
 * Who each kind is for: the token endpoint, the authorization endpoint, or the resource under either of
 * its names. Tokens are signed for the first name and accepted for any.
 */
function audiences(kind: Exclude<TokenKind, 'client'>, issuer: string): [string, ...string[]] {
  if (kind === 'access') return resources(issuer)
  if (kind === 'key') return [KEY_ISSUER]
  return [kind === 'link' ? 'authorize' : 'token']
}

/**
 * Issuer and audience of keys: they name no host, so that a key works under each name and port that the
 * relay answers to.
 */
const KEY_ISSUER = 'relay-key'

function issuerOf(kind: TokenKind, { issuer }: SigningKeys): string {
  return kind === 'key' ? KEY_ISSUER : issuer
}

/** The grant of a token: all those of one client are one, if they are from before tokens carried its id. */
export function gidOf({
  gid,
  client,
}: {
  gid?: string | undefined
  client?: string | undefined
}): string | undefined {
  return gid ?? (client && `client:${client}`)
}

/**
 * Whether a token is meant as a JWT: one that does not verify is then expired or foreign, and not a
 * guess at the key.
 */
export function isJwt(token: string): boolean {
  try {
    return /^[\w-]+\.[\w-]+\.[\w-]*$/.test(token) && 'alg' in decodeProtectedHeader(token)
  } catch {
    return false
  }
}

/** Hashes a text with SHA-256, in base64url. */
export async function hash(text: string, bytes = 32): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
  return base64url.encode(new Uint8Array(digest, 0, bytes))
}

/** Hashes a client id for use in tokens: 128 bits, enough against a second id with the same hash. */
export function hashClientId(clientId: string): Promise<string> {
  return hash(clientId, 16)
}

/** Creates a token id of 96 random bits. */
export function createTokenId(): string {
  return base64url.encode(crypto.getRandomValues(new Uint8Array(12)))
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
    .setIssuer(issuerOf(kind, keys))
  if (kind !== 'client') {
    token
      .setAudience(audiences(kind, keys.issuer)[0])
      .setIssuedAt(issuedAt)
      .setExpirationTime(issuedAt + LIFETIMES[kind as Exclude<TokenKind, 'client'>])
  }
  return token.sign(new TextEncoder().encode(keys.current))
}

/** Verifies a token of that kind: its claims, or undefined, without the reason. */
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
      issuer: issuerOf(kind, keys),
      currentDate: new Date(now),
      ...(kind !== 'client' && {
        audience: audiences(kind, keys.issuer),
        requiredClaims: ['iat', 'exp'],
      }),
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
