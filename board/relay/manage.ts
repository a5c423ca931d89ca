/** The person's actions: POST /manage, one request and one JSON answer for each. */
import { send } from './client.ts'
import { Fault } from './fault.ts'

export interface Connection {
  gid: string
  name: string
  scope: 'mcp' | 'mcp:read'
  kind: 'oauth' | 'key'
  /** The connection that made it; `key` for the relay's own key. */
  made_by?: string
  created_at: string
  last_used_at?: string
  revoked_at?: string
  /** Whether it is the caller's. */
  own?: boolean
}

export interface KnownReader {
  reader_tag: string
  last_seen_at?: string
  last_given_at?: string
  /** Only when one reader was asked for. */
  unread_count?: number
}

interface Actions {
  list_connections: { connections: Connection[] }
  disconnect: { made_keys: Connection[] }
  make_key: { gid: string; name: string; scope: Connection['scope']; key: string }
  rename_thread: { thread_name: string }
  describe_thread: { thread_name: string }
  delete_thread: { message_count: number }
  redact_message: { redacted: true }
  settle_message: { settled: boolean }
  list_readers: { readers: KnownReader[]; next_after?: string }
  forget_reader: { forgotten: true }
}

/** Performs an action, even if the page closes meanwhile. Throws Fault. */
export async function manage<Name extends keyof Actions>(
  action: Name,
  args: Record<string, unknown> = {},
): Promise<Actions[Name]> {
  const response = await send('/manage', { action, ...args }, { keepalive: true })
  const answer = await response.json().catch(() => ({}))
  if (response.ok) return answer
  const message = answer.message ?? `The relay answered with status ${response.status}.`
  throw new Fault(response.status < 500 ? 'refused' : 'failed', message, answer.error)
}
