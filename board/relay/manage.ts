/** The person's actions: POST /manage, one request and one JSON answer for each. */
import { allAnswered, send } from './client.ts'
import { Fault } from './fault.ts'
import { forget, isReadOnly, signOut } from './sign-in.ts'

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

/** An archived thread that the daily run deletes once `delete_at` has passed. */
export interface DueThread {
  thread_name: string
  delete_at: string
}

/** A receiver of new messages: a subscription of a client, a device, or the person's notifications. */
export interface Target {
  id: string
  kind: 'webhook' | 'notify' | 'push'
  gid?: string
  /** The client that made it, or the device. */
  name?: string
  host?: string
  reader_tag?: string
  thread_name?: string
  addressed_only: boolean
  created_at: string
  expires_at?: string
  last_delivery_at?: string
  last_error?: string
  failed_since?: string
  /** False after ten messages that were given up. */
  is_active: boolean
  waiting_count: number
  throttled_until?: string
}

interface Actions {
  list_connections: { connections: Connection[] }
  disconnect: { made_keys: Connection[] }
  make_key: { gid: string; name: string; scope: Connection['scope']; key: string }
  rename_thread: { thread_name: string }
  describe_thread: { thread_name: string }
  delete_thread: { message_count: number }
  list_due_threads: { threads: DueThread[] }
  redact_message: { redacted: true }
  settle_message: { settled: boolean }
  list_readers: { readers: KnownReader[]; next_after?: string }
  forget_reader: { forgotten: true }
  list_targets: { targets: Target[] }
  end_target: { ended: true }
  push_key: { key: string }
  add_device: { id: string }
  test_device: { sent: boolean; error?: string; ended?: boolean }
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

/** Ends the sign-in at the relay, which refuses its tokens from then on, and signs out here. */
export async function endSignIn(): Promise<void> {
  // At once: the page may be closed before the relay answers.
  forget()
  await allAnswered()
  // One that may only read may not do this either, and a relay that is away does not keep anyone here.
  if (!isReadOnly.peek()) await manage('disconnect', { gid: 'own' }).catch(() => {})
  await signOut()
}
