/** The address that opens the board: for a terminal with the key, for another program with a code. */
import { createHash, randomBytes } from 'node:crypto'
import { isSigningKey } from '../../src/key-rules.ts'
import type { Settings } from '../lib/settings.ts'

/**
 * The board's address to print. On this machine it can carry the key in its fragment, which browsers do
 * not send: the board signs in with it and takes it out of the address.
 */
export function boardAddress(origin: string, settings: Settings, withKey: boolean): string {
  const { apiKey, publicUrl } = settings
  if (publicUrl) return `${new URL(publicUrl).origin}/board/`
  return `${origin}/board/${withKey && isSigningKey(apiKey) ? `#key=${encodeURIComponent(apiKey)}` : ''}`
}

/**
 * The board's address to open in a browser. Arguments of a program can be seen by every account of the
 * machine, so instead of the key it carries an authorization code, which is worthless after a minute.
 */
export async function boardLink(origin: string, settings: Settings): Promise<string> {
  const board = boardAddress(origin, settings, false)
  if (settings.publicUrl || !isSigningKey(settings.apiKey)) return board
  const verifier = randomBytes(32).toString('base64url')
  const form = new URLSearchParams({
    client_id: `${origin}/board/client.json`,
    redirect_uri: `${origin}/board/`,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    resource: `${origin}/mcp`,
    action: 'allow',
    api_key: settings.apiKey,
  })
  const answer = await fetch(`${origin}/authorize`, {
    method: 'POST',
    body: form,
    redirect: 'manual',
  })
  await answer.body?.cancel()
  const code = URL.parse(answer.headers.get('location') ?? '')?.searchParams.get('code')
  return code ? `${board}#${new URLSearchParams({ code, verifier })}` : board
}
