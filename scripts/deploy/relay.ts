/** A running relay, of this version or 0.1.0, as seen from outside. */
import { setTimeout as sleep } from 'node:timers/promises'
import { McpClient } from '../lib/mcp-client.ts'
import { UserError } from '../lib/user-error.ts'

/** A new address on workers.dev is there after seconds, seldom minutes. */
const PATIENCE_MS = 180_000
const PAUSE_MS = 2_000

/** OAuth needs this many characters, since anybody can collect a signature and guess at home. */
export const MIN_SIGNING_KEY = 32

/** What a relay says to a key; `other` is no relay's answer, or none. */
export type Verdict = { is: 'accepted' } | { is: 'refused' } | { is: 'other'; seen: string }

export async function tryKey(origin: string, key: string): Promise<Verdict> {
  try {
    const { status, body } = await new McpClient(origin, key).legacy('tools/list')
    if (status === 200 && body?.result) return { is: 'accepted' }
    // After many wrong keys from here the next one is not looked at, unless it is right.
    if (status === 401 || status === 429) return { is: 'refused' }
    return { is: 'other', seen: `status ${status} ${body?.message ?? ''}`.trim() }
  } catch (error) {
    const { cause, message } = error as Error & { cause?: Error }
    return { is: 'other', seen: cause?.message ?? message }
  }
}

/** Waits until the relay says this to the key: an address or a secret takes a while to spread. */
export async function waitForVerdict(
  origin: string,
  key: string,
  expected: Verdict['is'],
): Promise<void> {
  for (const deadline = Date.now() + PATIENCE_MS; ; await sleep(PAUSE_MS)) {
    const verdict = await tryKey(origin, key)
    if (verdict.is === expected) return
    if (Date.now() < deadline) continue
    const seen = verdict.is === 'other' ? verdict.seen : `the key is ${verdict.is}`
    throw new UserError(
      `${origin} is not as expected after ${PATIENCE_MS / 60_000} minutes (${seen}).`,
    )
  }
}

/** The origin in what a person gives as the relay's address. */
export function originOf(address: string): string | undefined {
  const url = URL.parse(address)
  return url && /^https?:$/.test(url.protocol) ? url.origin : undefined
}
