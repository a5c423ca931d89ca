/**
 * The two shapes of an answer. SQL speaks one: fields that are empty are absent, times have microseconds, and
 * messages have ids where nothing is cut. Clients of MCP 2025-06-18 and later get it lean, without ids, which
 * no tool takes, and with milliseconds; older ones get the fields of relay-mcp 0.1.0, null where they are
 * empty. Leaf.
 */

/** An answer of the database, or the part of it that a client sees. */
export type Answer = Record<string, unknown>

/** A message as SQL writes it, with its thread where those of several threads can meet. */
export interface Message {
  thread_name?: string
  thread_id?: string
  archived?: boolean
  /** In the shape of 0.1.0, as the thread's. */
  id?: string
  seq: number
  surface: string
  session_tag?: string
  from?: string
  to?: string
  via?: string
  /** The seq of the message that it answers. */
  reply_to?: number
  /** The person has taken its text and metadata back. */
  redacted?: boolean
  /** Whether an answer of its addressee is still due. */
  open?: boolean
  /** To its own author: whether the addressee has received it, and the seq of the answer. */
  given?: boolean
  answered_by?: number
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
  return isLean ? showLean(stored as Answer) : showFaithful(stored as Answer)
}

function showLean({ id, thread_id, ...answer }: Answer): Answer {
  if (typeof answer.created_at === 'string') answer.created_at = toMilliseconds(answer.created_at)
  if (answer.messages) answer.messages = (answer.messages as Message[]).map(leanMessage)
  if (isThreads(answer.threads)) answer.threads = answer.threads.map(leanThread)
  return answer
}

/** The fields about other messages than those asked for are in the note: 0.1.0 did not know them. */
function showFaithful(stored: Answer): Answer {
  const { addressed_unread, addressed_unread_count, sent, sent_count, ...answer } = stored
  const { messages, thread_id, ...shown } = answer
  const { created_at, threads } = answer
  if (typeof created_at === 'string') shown.created_at = toPostgres(created_at)
  if (isThreads(threads)) shown.threads = threads.map(faithfulThread)
  if (!messages) return { ...('id' in answer && { id: answer.id, thread_id }), ...shown }
  const toMessage = (each: Message) => faithfulMessage(each, thread_id)
  return { ...shown, messages: (messages as Message[]).map(toMessage) }
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
function leanMessage({ id, thread_id, ...message }: Message): object {
  message.created_at = toMilliseconds(message.created_at)
  if (message.metadata && Object.keys(message.metadata).length === 0) delete message.metadata
  return message
}

function faithfulMessage(message: Message, threadId: unknown): object {
  const { thread_name, id, thread_id = threadId, seq, surface, content, created_at } = message
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

function leanThread({ id, archived, last_message_at: time, ...thread }: Thread): object {
  const { name, description, ...counts } = thread
  return {
    name,
    ...(description !== undefined && { description }),
    ...(time !== undefined && { last_message_at: toMilliseconds(time) }),
    ...(archived && { archived }),
    ...counts,
  }
}

function faithfulThread({ last_message_at: time, ...thread }: Thread): object {
  const { id, name, description = null, archived, ...counts } = thread
  const last_message_at = time === undefined ? null : toPostgres(time)
  return { id, name, description, last_message_at, archived, ...counts }
}
