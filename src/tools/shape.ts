/**
 * The two shapes of an answer. SQL speaks one: fields that are empty are absent, ids are there, times have
 * microseconds. Clients of MCP 2025-06-18 and later get it lean, without ids, which no tool takes, and with
 * milliseconds; older ones get the fields of relay-mcp 0.1.0, null where they are empty. Leaf.
 */

/** An answer of the database, or the part of it that a client sees. */
export type Answer = Record<string, unknown>

/** A message as SQL writes it, with its thread's name where those of several threads can meet. */
export interface Message {
  thread_name?: string
  id: string
  thread_id: string
  seq: number
  surface: string
  session_tag?: string
  from?: string
  to?: string
  via?: string
  content: string
  /** Characters of the whole content, if it was cut. */
  content_length?: number
  metadata?: Record<string, unknown>
  created_at: string
}

/** A thread as SQL lists it. */
export interface Thread {
  id: string
  name: string
  description?: string
  last_message_at?: string
  archived: boolean
  message_count: number
  unread_count?: number
  latest?: Record<string, unknown>
}

/** Shows an answer, the messages and the threads in it. */
export function show(stored: object, isLean: boolean): Answer {
  const answer = stored as Answer
  const { id, thread_id, ...rest } = answer
  const shown: Answer = isLean
    ? rest
    : { ...(id !== undefined && { id }), ...(thread_id !== undefined && { thread_id }), ...rest }
  const [time, message, thread] = isLean ? LEAN : FAITHFUL
  if (typeof answer.created_at === 'string') shown.created_at = time(answer.created_at)
  if (answer.messages) shown.messages = (answer.messages as Message[]).map(message)
  if (isThreads(answer.threads)) shown.threads = answer.threads.map(thread)
  return shown
}

/** A search has `threads` too: hits for each. */
function isThreads(threads: unknown): threads is Thread[] {
  return Array.isArray(threads) && (threads.length === 0 || 'id' in threads[0])
}

/** `2026-01-31T09:30:00.120000Z` to the millisecond: cut, and never rounded up. */
const toMilliseconds = (time: string) => `${time.slice(0, 23)}Z`

/** The same as PostgreSQL writes it, which 0.1.0 passed on: `2026-01-31T09:30:00.12+00:00`. */
const toPostgres = (time: string) => time.replace(/\.?0*Z$/, '+00:00')

/** Changes its own copy: a second one would take as long as writing the answer. */
function showLean({ id, thread_id, ...message }: Message): object {
  message.created_at = toMilliseconds(message.created_at)
  if (message.metadata && Object.keys(message.metadata).length === 0) delete message.metadata
  return message
}

function showFaithful(message: Message): object {
  const { thread_name, id, thread_id, seq, surface, content, created_at } = message
  return {
    ...(thread_name !== undefined && { thread_name }),
    id,
    thread_id,
    seq,
    surface,
    session_tag: message.session_tag ?? null,
    content,
    metadata: message.metadata ?? null,
    created_at: toPostgres(created_at),
  }
}

function listLean({ id, archived, last_message_at: time, ...thread }: Thread): object {
  const { name, description, ...counts } = thread
  return {
    name,
    ...(description !== undefined && { description }),
    ...(time !== undefined && { last_message_at: toMilliseconds(time) }),
    ...(archived && { archived }),
    ...counts,
  }
}

function listFaithful({ last_message_at: time, ...thread }: Thread): object {
  const { id, name, description = null, archived, ...counts } = thread
  const last_message_at = time === undefined ? null : toPostgres(time)
  return { id, name, description, last_message_at, archived, ...counts }
}

const LEAN = [toMilliseconds, showLean, listLean] as const
const FAITHFUL = [toPostgres, showFaithful, listFaithful] as const
