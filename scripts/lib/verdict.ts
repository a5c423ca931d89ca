/** Tests whether a running relay, of this version or 0.1.0, accepts a key. */
import { McpClient } from './mcp-client.ts'
import { UserError } from './user-error.ts'
import { waitUntil } from './wait.ts'

/** A new address on workers.dev takes seconds to appear, rarely minutes. */
const PATIENCE_MS = 180_000
const PAUSE_MS = 500

/** How a relay responds to a key; `other` is any other answer, or none. */
export type Verdict = { is: 'accepted' } | { is: 'refused' } | { is: 'other'; seen: string }

export async function tryKey(origin: string, key: string): Promise<Verdict> {
  try {
    const { status, body } = await new McpClient(origin, key).legacy('tools/list')
    if (status === 200 && body?.result) return { is: 'accepted' }
    // After many wrong keys from this address, the relay refuses all but the right key with 429.
    if (status === 401 || status === 429) return { is: 'refused' }
    return { is: 'other', seen: `status ${status} ${body?.message ?? ''}`.trim() }
  } catch (error) {
    const { cause, message } = error as Error & { cause?: Error }
    return { is: 'other', seen: cause?.message ?? message }
  }
}

/**
 * Whether a key that the relay accepts is the one before its current key. 0.1.0, which has only one key,
 * does not say.
 */
export async function isPreviousKey(origin: string, key: string): Promise<boolean> {
  const headers = { authorization: `Bearer ${key}` }
  try {
    const { body } = await new McpClient(origin, key).fetch('/health', { headers })
    return body?.current_key === false
  } catch (error) {
    throw new UserError(`${origin}/health cannot be reached: ${(error as Error).message}.`)
  }
}

/** Waits until the relay responds as expected: new addresses and secrets take time to propagate. */
export function waitForVerdict(
  origin: string,
  key: string,
  expected: Verdict['is'],
): Promise<void> {
  const look = async () => {
    const verdict = await tryKey(origin, key)
    if (verdict.is === expected) return undefined
    const seen = verdict.is === 'other' ? verdict.seen : `the key is ${verdict.is}`
    return `${origin} still does not respond as expected (${seen}).`
  }
  return waitUntil(look, { patience: PATIENCE_MS, pause: PAUSE_MS })
}
