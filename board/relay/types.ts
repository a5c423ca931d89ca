/** The answers of the relay's tools in the lean shape: the fields that the board uses. */

/** The reader that the person is. */
export const PERSON = 'board'

/** The `via` of posts from here: src/oauth/board-client.ts reserves the name. */
export const BOARD_NAME = 'Relay board'

export type Surface = 'chat' | 'cowork' | 'code' | 'other'

export const SURFACES: readonly Surface[] = ['code', 'chat', 'cowork', 'other']

/** Who wrote a message, and to whom. */
export interface Author {
  surface: Surface
  session_tag?: string
  from?: string
  to?: string
  via?: string
}

export interface Latest extends Author {
  seq: number
  excerpt: string
  /** The person has taken its text back. */
  redacted?: boolean
}

export interface Thread {
  name: string
  description?: string
  last_message_at?: string
  archived?: boolean
  message_count: number
  unread_count?: number
  latest?: Latest | null
  /** When the person last renamed or described it, took a message back, or marked one as done. */
  changed_at?: string
}

export interface Message extends Author {
  seq: number
  content: string
  /** Characters of the whole content, when `content` is only its beginning. */
  content_length?: number
  /** The seq of the message that it answers. */
  reply_to?: number
  /** Whether an answer of its addressee is still due. */
  open?: boolean
  /** Of the person's own: whether the addressee has received it, and the seq of the answer. */
  given?: boolean
  answered_by?: number
  /** The person has taken its text and metadata back. */
  redacted?: boolean
  metadata?: Record<string, unknown>
  created_at: string
  /** Present where messages of several threads can meet. */
  thread_name?: string
}

export interface Reader {
  reader_tag: string
  last_seen_at?: string
}

export interface ThreadList {
  threads: Thread[]
  remaining_count: number
  readers?: Reader[]
}

export interface Reading {
  messages: Message[]
  thread_name?: string
  archived?: boolean
  older_count?: number
  next_before_seq?: number
  next_before?: string
  has_more?: boolean
  threads?: { thread_name: string; hits: number }[]
  matched?: string
  missing_words?: string[]
}

export interface News {
  messages: Message[]
  new_message_count: number
  remaining_count: number
}

export interface Posted {
  seq: number
  created_at: string
  thread_name?: string
}

/** Whether the person wrote it: decided by the client that signed in, since any session may call itself "board". */
export function isPerson({ via }: Author): boolean {
  return via === BOARD_NAME
}

/** The name shown for an author. */
export function nameOf(author: Author): string {
  if (isPerson(author)) return 'You'
  return nameOfTag(author.from ?? author.session_tag ?? author.surface)
}

/** A tag as a name: one that calls itself "you" does not become the person by that. */
export function nameOfTag(tag: string): string {
  const plain = tag.normalize('NFKC').replaceAll(/[^\p{L}\p{N}]/gu, '')
  return /^you$/i.test(plain) ? `${tag} (session)` : tag
}
