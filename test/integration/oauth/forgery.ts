/** Tokens that the relay did not issue, or that were changed since. */
import { createHash, randomBytes } from 'node:crypto'
import { type JWTPayload, SignJWT } from 'jose'
import type { TestRelay } from '../../support/relay.ts'

/** The relay's tokens, with `typ` and audience. */
const KINDS = {
  client: { typ: 'client+jwt', aud: undefined },
  code: { typ: 'code+jwt', aud: 'token' },
  access: { typ: 'at+jwt', aud: '/mcp' },
  refresh: { typ: 'rt+jwt', aud: 'token' },
}

export interface Forgery {
  header?: Record<string, unknown>
  /** Replaces claims; undefined omits one. */
  claims?: Record<string, unknown>
  key?: string
}

/** Signs a token as the relay would, except for the changes of the forgery. */
export function forge(
  relay: TestRelay,
  kind: keyof typeof KINDS,
  { header, claims, key = relay.key }: Forgery = {},
): Promise<string> {
  const now = Math.floor(Date.now() / 1000)
  const { typ, aud } = KINDS[kind]
  const { client_id, ...others } = { client_id: 'https://app.example/client.json', ...claims }
  const given = {
    iss: relay.url,
    aud: aud === '/mcp' ? relay.url + aud : aud,
    sub: relay.userId,
    client: hashOf(client_id),
    name: 'A client',
    scope: 'mcp',
    jti: randomBytes(8).toString('hex'),
    iat: now,
    exp: now + 60,
    ...others,
  }
  return new SignJWT(given as JWTPayload)
    .setProtectedHeader({ alg: 'HS256', typ, ...header })
    .sign(new TextEncoder().encode(key), { crit: { x: true } })
}

/** The hash of a client id in a token; undefined if there is none. */
function hashOf(clientId: unknown): string | undefined {
  if (clientId === undefined) return undefined
  const digest = createHash('sha256').update(String(clientId)).digest()
  return digest.subarray(0, 16).toString('base64url')
}

/** A token with replaced parts and the old signature, or without a signature for `none`. */
export function tampered(token: string, part: { header?: object; claims?: object }): string {
  const [header = '', claims = '', signature = ''] = token.split('.')
  const merged = (text: string, change: object | undefined) =>
    Buffer.from(
      JSON.stringify({ ...JSON.parse(Buffer.from(text, 'base64url').toString()), ...change }),
    ).toString('base64url')
  const isUnsigned = part.header && 'alg' in part.header && part.header.alg === 'none'
  return [
    merged(header, part.header),
    merged(claims, part.claims),
    isUnsigned ? '' : signature,
  ].join('.')
}
