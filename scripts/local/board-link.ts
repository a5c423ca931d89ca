/** The address that opens the board: with a link code, which signs in once and within ten minutes. */
import { createTokenId, sign } from '../../src/oauth/jwt.ts'
import type { Settings } from '../lib/settings.ts'

/**
 * The board's address, at the origin that clients use. `withCode` adds a code that signs in: in the
 * fragment, which browsers do not send. Unlike the key it is worthless once it has been used, wherever
 * the terminal, the arguments of a program or the browser's history keep it.
 */
export async function boardAddress(
  origin: string,
  { apiKey, publicUrl, userId }: Pick<Settings, 'apiKey' | 'publicUrl' | 'userId'>,
  withCode: boolean,
  now = Date.now(),
): Promise<string> {
  const issuer = publicUrl ? new URL(publicUrl).origin : origin
  if (!withCode) return `${issuer}/board/`
  const keys = { current: apiKey, previous: undefined, issuer }
  const link = await sign('link', { sub: userId, jti: createTokenId() }, keys, now)
  return `${issuer}/board/#link=${link}`
}
