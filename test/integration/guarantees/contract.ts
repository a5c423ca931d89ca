/**
 * What the six tools must answer when calls come one after the other, by the contract alone: a relay
 * in memory, as plain as can be. Where only the relay can know something (ids, times), its answer is
 * taken over the first time and must be the same ever after.
 */
import type { Args, ToolName } from './histories.ts'

interface Stored {
  id: string
  thread_id: string
  seq: number
  surface: string
  session_tag: string | null
  content: string
  metadata: null
  created_at: string
}

interface Thread {
  id: string
  name: string
  description: string | null
  archived: boolean
  /** By place, those deleted by hand left out. */
  messages: Stored[]
  last: number
  keys: Map<string, Stored>
  cursors: Map<string, number>
  last_message_at: string | null
  /** Higher the later something was posted, or the thread created. */
  activity: number
}

// biome-ignore lint/suspicious/noExplicitAny: each tool has an answer of its own.
type Answer = Record<string, any>

const NEWEST_FOR_A_NEW_READER = 20
const NOT_FOUND = { refused: 'not found' }

export class Contract {
  #threads: Thread[] = []
  #activity = 0

  /** What `tool` must answer to `args`, given what it has answered. */
  answerOf(tool: ToolName, args: Args, answer: Answer): Answer {
    switch (tool) {
      case 'relay_list_threads':
        return this.#list(args)
      case 'relay_create_thread':
        return this.#create(args, answer)
      case 'relay_post_message':
        return this.#post(args, answer)
      case 'relay_read_thread':
        return args.thread_name === undefined ? this.#search(args) : this.#read(args)
      case 'relay_check_new':
        return args.thread_name === undefined ? this.#checkAll(args) : this.#check(args)
      case 'relay_archive_thread':
        return this.#archive(args)
    }
  }

  /** The time of the message at a place, or a time before all. */
  timeOf(name: string, seq: number): string {
    const message = this.#find(name)?.messages.find((each) => each.seq === seq)
    return message?.created_at ?? '2000-01-01T00:00:00Z'
  }

  remove(name: string, seq: number): void {
    const thread = this.#find(name)
    if (thread) thread.messages = thread.messages.filter((message) => message.seq !== seq)
  }

  #list({ include_archived = false, reader_tag, query = '', limit = 100 }: Args): Answer {
    const listed = this.#byActivity()
      .toReversed()
      .filter(({ archived }) => include_archived || !archived)
      .filter(({ name, description }) => name.includes(query) || description?.includes(query))
    return {
      threads: listed.slice(0, limit).map((thread) => ({
        id: thread.id,
        name: thread.name,
        description: thread.description,
        last_message_at: thread.last_message_at,
        archived: thread.archived,
        message_count: thread.messages.length,
        ...(reader_tag && { unread_count: unread(thread, reader_tag).length }),
      })),
      remaining_count: Math.max(0, listed.length - limit),
    }
  }

  #create({ name, description = null }: Args, { id, created_at }: Answer): Answer {
    if (this.#find(name)) return { refused: 'already exists' }
    this.#open(name, id).description = description
    return { id, name, created_at }
  }

  #post(args: Args, { id, thread_id, created_at }: Answer): Answer {
    const { thread_name, content, surface, session_tag = null, reader_tag, idempotency_key } = args
    const found = this.#find(thread_name)
    const thread = found ?? this.#open(thread_name, thread_id)

    const first = thread.keys.get(idempotency_key)
    if (first && thread.messages.includes(first)) {
      if (first.content !== content || first.surface !== surface) {
        return { refused: 'already belongs to another message' }
      }
      const { seq } = first
      return {
        id: first.id,
        thread_id: thread.id,
        created_at: first.created_at,
        seq,
        duplicate: true,
      }
    }

    const isCaughtUp = reader_tag && unread(thread, reader_tag).length === 0
    const wasArchived = thread.archived
    const seq = thread.last + 1
    const message = { surface, session_tag, content, metadata: null }
    const stored = { id, thread_id: thread.id, seq, created_at, ...message }
    thread.messages.push(stored)
    thread.last = seq
    thread.archived = false
    thread.last_message_at = created_at
    this.#touch(thread)
    if (idempotency_key) thread.keys.set(idempotency_key, stored)
    if (isCaughtUp) move(thread, reader_tag, seq)
    return {
      id,
      thread_id: thread.id,
      created_at,
      seq,
      ...(!found && { thread_created: true }),
      ...(wasArchived && { thread_reopened: true }),
    }
  }

  #read({ thread_name, limit = 50, reader_tag, before_seq, ...filters }: Args): Answer {
    const thread = this.#find(thread_name)
    if (!thread) return NOT_FOUND
    const isFiltered = Object.keys(filters).length > 0
    const matching = thread.messages
      .filter(({ seq }) => before_seq === undefined || seq < before_seq)
      .filter((message) => matches(message, filters))
      .toReversed()
    const messages = matching.slice(0, limit)
    const oldest = messages.at(-1)?.seq ?? before_seq ?? thread.last + 1
    const isOlder = ({ seq }: Stored) => seq < oldest
    const older = thread.messages.filter(isOlder).length
    const hasMore = isFiltered ? matching.length > messages.length : older > 0
    const answer = {
      messages,
      ...(!isFiltered && { older_count: older }),
      ...(isFiltered && hasMore && { has_more: true }),
      ...(hasMore && { next_before_seq: oldest }),
    }
    if (!reader_tag) return answer

    const skipped = unread(thread, reader_tag).filter(isOlder).length
    if (!isFiltered && before_seq === undefined && skipped === 0) {
      move(thread, reader_tag, messages[0]?.seq)
    }
    return { ...answer, unread_older_count: skipped }
  }

  #search({ limit = 50, ...filters }: Args): Answer {
    const matching = this.#newest(this.#threads).filter((message) => matches(message, filters))
    return {
      messages: this.#named(matching.slice(0, limit)),
      ...(matching.length > limit && { has_more: true }),
    }
  }

  #check({ thread_name, reader_tag, limit = 100, peek = false, ack_seq = 0 }: Args): Answer {
    const thread = this.#find(thread_name)
    if (!thread) return NOT_FOUND
    if (ack_seq > thread.last) return { refused: 'above the last seq' }
    move(thread, reader_tag, ack_seq)
    const news = unread(thread, reader_tag)
    return this.#handOut(news, { reader_tag, limit, peek })
  }

  #checkAll({ reader_tag, limit = 100, peek = false }: Args): Answer {
    const isNew = this.#threads.every(({ cursors }) => !cursors.has(reader_tag))
    if (isNew) return this.#introduce(reader_tag, Math.min(limit, NEWEST_FOR_A_NEW_READER), peek)
    const news = this.#byActivity()
      .filter(({ archived, cursors }) => !archived || cursors.has(reader_tag))
      .flatMap((thread) => unread(thread, reader_tag))
    return this.#handOut(news, { reader_tag, limit, peek })
  }

  #introduce(reader: string, limit: number, peek: boolean): Answer {
    const newest = this.#newest(this.#threads.filter(({ archived }) => !archived)).slice(0, limit)
    const messages = this.#byActivity().flatMap((thread) =>
      thread.messages.filter((message) => newest.includes(message)),
    )
    if (!peek && messages.length > 0) {
      for (const { cursors, last } of this.#threads) cursors.set(reader, last)
    }
    return {
      new_message_count: messages.length,
      messages: this.#named(messages),
      remaining_count: peek ? messages.length : 0,
      new_reader: true,
    }
  }

  #handOut(news: Stored[], { reader_tag, limit, peek }: Args): Answer {
    const messages = news.slice(0, limit)
    if (!peek) for (const message of messages) move(this.#of(message), reader_tag, message.seq)
    return {
      new_message_count: messages.length,
      messages: this.#named(messages),
      remaining_count: news.length - (peek ? 0 : messages.length),
    }
  }

  #archive({ thread_name, archived = true }: Args): Answer {
    const thread = this.#find(thread_name)
    if (!thread) return NOT_FOUND
    thread.archived = archived
    return { archived }
  }

  #find(name: string): Thread | undefined {
    return this.#threads.find((thread) => thread.name === name)
  }

  #open(name: string, id: string): Thread {
    const thread: Thread = {
      id,
      name,
      description: null,
      archived: false,
      messages: [],
      last: 0,
      keys: new Map(),
      cursors: new Map(),
      last_message_at: null,
      activity: 0,
    }
    this.#threads.push(thread)
    this.#touch(thread)
    return thread
  }

  #touch(thread: Thread): void {
    this.#activity += 1
    thread.activity = this.#activity
  }

  #of(message: Stored): Thread {
    return this.#threads.find(({ id }) => id === message.thread_id) as Thread
  }

  #byActivity(): Thread[] {
    return this.#threads.toSorted((a, b) => a.activity - b.activity)
  }

  #newest(threads: Thread[]): Stored[] {
    const messages = threads.flatMap((thread) => thread.messages)
    return messages.toSorted((a, b) => (a.created_at < b.created_at ? 1 : -1))
  }

  #named(messages: Stored[]) {
    return messages.map((message) => ({ thread_name: this.#of(message).name, ...message }))
  }
}

function unread(thread: Thread, reader: string): Stored[] {
  return thread.messages.filter(({ seq }) => seq > (thread.cursors.get(reader) ?? 0))
}

/** A cursor never moves back. */
function move({ cursors }: Thread, reader: string, seq = 0): void {
  if (seq > (cursors.get(reader) ?? 0)) cursors.set(reader, seq)
}

function matches(message: Stored, { since, surface, session_tag, query }: Args): boolean {
  return (
    (since === undefined || message.created_at > since) &&
    (surface === undefined || message.surface === surface) &&
    (session_tag === undefined || message.session_tag === session_tag) &&
    (query === undefined || message.content.includes(query))
  )
}
