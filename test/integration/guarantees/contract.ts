/**
 * The answers that the six tools must have when calls come one after the other, by the contract only: a relay in
 * memory, as plain as possible, in the shape of 0.1.0. Where only the relay can know something (ids,
 * times), its first answer is taken over and must stay the same.
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

/** The relay's data of a message that this shape does not show. */
interface Posting {
  message: Stored
  from: string | undefined
  to: string | undefined
}

interface Thread {
  id: string
  name: string
  description: string | null
  archived: boolean
  /** By seq, without those deleted by hand. */
  posts: Posting[]
  last: number
  keys: Map<string, Posting>
  cursors: Map<string, number>
  last_message_at: string | null
  /** Higher the later something was posted, or the thread created. */
  activity: number
}

// biome-ignore lint/suspicious/noExplicitAny: each tool has an answer of its own.
type Answer = Record<string, any>

/** A relay with no more messages is news as a whole to a new reader. */
const SMALL = 20
const NOT_FOUND = { refused: 'not found' }

export class Contract {
  #threads: Thread[] = []
  #activity = 0
  #readers = new Set<string>()
  #introduced = new Set<string>()

  /** The answer that `tool` must have to `args`, after its earlier answers. */
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
    const post = this.#find(name)?.posts.find((each) => each.message.seq === seq)
    return post?.message.created_at ?? '2000-01-01T00:00:00Z'
  }

  remove(name: string, seq: number): void {
    const thread = this.#find(name)
    if (thread) thread.posts = thread.posts.filter(({ message }) => message.seq !== seq)
  }

  /** Notes a reader; what a tag that was not known before is told. */
  #note(reader: string | undefined): Answer {
    if (!reader || this.#readers.has(reader)) return {}
    this.#readers.add(reader)
    return { new_reader: true }
  }

  /** The first check of all threads, or the first post. */
  #introduce(reader: string): Answer {
    if (this.#introduced.has(reader)) return {}
    this.#introduced.add(reader)
    if (this.#threads.flatMap(({ posts }) => posts).length <= SMALL) return {}
    const recent = this.#byActivity()
      .filter(({ archived, last }) => !archived && last > 0)
      .slice(-10)
    const skipped: Answer[] = []
    for (const thread of this.#byActivity().toReversed()) {
      if (thread.cursors.has(reader)) continue
      const newest = recent.includes(thread) ? (thread.posts.at(-3)?.message.seq ?? 0) : thread.last
      const addressed = thread.posts.find(({ to }) => to === reader)?.message.seq
      const start = Math.min(newest, (addressed ?? newest + 1) - 1)
      if (start > 0) thread.cursors.set(reader, start)
      const count = thread.posts.filter(({ message }) => message.seq <= start).length
      if (count > 0) skipped.push({ thread_name: thread.name, message_count: count })
    }
    return skipped.length > 0 ? { skipped, skipped_thread_count: skipped.length } : {}
  }

  #list({ include_archived = false, reader_tag, query = '', limit = 100 }: Args): Answer {
    const news = this.#note(reader_tag)
    const isKnown = ({ cursors }: Thread) =>
      this.#introduced.has(reader_tag) || cursors.has(reader_tag)
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
        message_count: thread.posts.length,
        ...(reader_tag && isKnown(thread) && { unread_count: unread(thread, reader_tag).length }),
      })),
      remaining_count: Math.max(0, listed.length - limit),
      ...news,
    }
  }

  #create({ name, description = null }: Args, { id, created_at }: Answer): Answer {
    if (this.#find(name)) return { refused: 'already exists' }
    this.#open(name, id).description = description
    return { id, name, created_at }
  }

  #post(args: Args, { id, thread_id, created_at }: Answer): Answer {
    const { thread_name, content, surface, session_tag = null, reader_tag, idempotency_key } = args
    const { to } = args
    const found = this.#find(thread_name)
    const first = found?.keys.get(idempotency_key)
    if (found && first && found.posts.includes(first)) {
      const { message } = first
      if (message.content !== content || message.surface !== surface || first.to !== to) {
        return { refused: 'already belongs to another message' }
      }
      return {
        id: message.id,
        thread_id: found.id,
        thread_name,
        created_at: message.created_at,
        seq: message.seq,
        duplicate: true,
        ...this.#note(reader_tag),
      }
    }

    const news = { ...this.#note(reader_tag), ...(reader_tag && this.#introduce(reader_tag)) }
    const thread = found ?? this.#open(thread_name, thread_id)
    const waiting = reader_tag && unread(thread, reader_tag).length
    const wasArchived = thread.archived
    const seq = thread.last + 1
    const stored = { surface, session_tag, content, metadata: null }
    const message = { id, thread_id: thread.id, seq, created_at, ...stored }
    const post = { message, from: reader_tag, to }
    thread.posts.push(post)
    thread.last = seq
    thread.archived = false
    thread.last_message_at = created_at
    this.#touch(thread)
    if (idempotency_key) thread.keys.set(idempotency_key, post)
    if (waiting === 0 && to !== reader_tag) move(thread, reader_tag, seq)
    const isOnly = reader_tag && [...this.#readers].every((reader) => reader === reader_tag)
    return {
      id,
      thread_id: thread.id,
      thread_name,
      created_at,
      seq,
      ...(reader_tag && { unread_count: waiting }),
      ...(!found && { thread_created: true }),
      ...(wasArchived && { thread_reopened: true }),
      ...(to && { to }),
      ...(isOnly && { only_reader: true }),
      ...news,
    }
  }

  #read({ thread_name, limit = 50, reader_tag, before_seq, ...filters }: Args): Answer {
    const thread = this.#find(thread_name)
    if (!thread) return NOT_FOUND
    const news = this.#note(reader_tag)
    const isFiltered = Object.keys(filters).length > 0
    const matching = thread.posts
      .filter(({ message }) => before_seq === undefined || message.seq < before_seq)
      .filter((post) => matches(post, filters))
      .toReversed()
    const messages = matching.slice(0, limit).map(({ message }) => message)
    const oldest = messages.at(-1)?.seq ?? before_seq ?? thread.last + 1
    const isOlder = ({ message }: Posting) => message.seq < oldest
    const older = thread.posts.filter(isOlder).length
    const hasMore = isFiltered ? matching.length > messages.length : older > 0
    const answer = {
      thread_name,
      ...(thread.archived && { archived: true }),
      messages,
      ...(!isFiltered && { older_count: older }),
      ...(isFiltered && { has_more: hasMore }),
      ...(hasMore && { next_before_seq: oldest }),
      ...news,
    }
    if (!reader_tag) return answer

    const skipped = unread(thread, reader_tag).filter(isOlder).length
    if (!isFiltered && before_seq === undefined && skipped === 0) {
      move(thread, reader_tag, messages[0]?.seq)
    }
    return { ...answer, unread_older_count: skipped }
  }

  #search({ limit = 50, ...filters }: Args): Answer {
    const matching = this.#newest().filter((post) => matches(post, filters))
    const hits = new Map<string, number>()
    for (const post of matching)
      hits.set(this.#of(post).name, (hits.get(this.#of(post).name) ?? 0) + 1)
    const byHits = [...hits].toSorted((a, b) => b[1] - a[1])
    return {
      messages: this.#named(matching.slice(0, limit)),
      has_more: matching.length > limit,
      ...(byHits.length > 0 && {
        threads: byHits.map(([thread_name, count]) => ({ thread_name, hits: count })),
      }),
    }
  }

  #check({ thread_name, reader_tag, limit = 100, peek = false, ack_seq = 0 }: Args): Answer {
    const thread = this.#find(thread_name)
    if (!thread) return NOT_FOUND
    if (ack_seq > thread.last) return { refused: 'above the last seq' }
    const news = this.#note(reader_tag)
    const acknowledged = unread(thread, reader_tag).filter(({ message }) => message.seq <= ack_seq)
    move(
      thread,
      reader_tag,
      thread.posts.findLast(({ message }) => message.seq <= ack_seq)?.message.seq,
    )
    return {
      ...this.#handOut([thread], { reader_tag, limit, peek }),
      ...(ack_seq > 0 && { acknowledged_count: acknowledged.length }),
      ...news,
    }
  }

  #checkAll({ reader_tag, limit = 100, peek = false }: Args): Answer {
    const news = { ...this.#note(reader_tag), ...this.#introduce(reader_tag) }
    return { ...this.#handOut(this.#byActivity(), { reader_tag, limit, peek }), ...news }
  }

  #handOut(threads: Thread[], { reader_tag, limit, peek }: Args): Answer {
    const all = threads.flatMap((thread) => unread(thread, reader_tag))
    const handedOut = all.slice(0, limit)
    const own = threads.flatMap((thread) => ownAbove(thread, reader_tag)).length
    if (!peek) {
      for (const post of handedOut) move(this.#of(post), reader_tag, post.message.seq)
      for (const thread of threads) {
        const isReached = handedOut.some((post) => this.#of(post) === thread)
        if (isReached || unread(thread, reader_tag).length === 0) stepOver(thread, reader_tag)
      }
    }
    const remaining = threads
      .map((thread) => ({
        thread_name: thread.name,
        unread_count: unread(thread, reader_tag).length,
      }))
      .filter(({ unread_count }) => unread_count > 0)
    return {
      new_message_count: handedOut.length,
      messages: this.#named(handedOut),
      remaining_count: all.length - (peek ? 0 : handedOut.length),
      ...(remaining.length > 0 ? { remaining } : { own_message_count: own }),
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
      posts: [],
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

  #of({ message }: Posting): Thread {
    return this.#threads.find(({ id }) => id === message.thread_id) as Thread
  }

  #byActivity(): Thread[] {
    return this.#threads.toSorted((a, b) => a.activity - b.activity)
  }

  #newest(): Posting[] {
    const posts = this.#threads.flatMap((thread) => thread.posts)
    return posts.toSorted((a, b) => (a.message.created_at < b.message.created_at ? 1 : -1))
  }

  #named(posts: Posting[]) {
    return posts.map((post) => ({ thread_name: this.#of(post).name, ...post.message }))
  }
}

const cursor = ({ cursors }: Thread, reader: string) => cursors.get(reader) ?? 0

const isOwn = ({ from, to }: Posting, reader: string) => from === reader && to !== reader

function above(thread: Thread, reader: string): Posting[] {
  return thread.posts.filter(({ message }) => message.seq > cursor(thread, reader))
}

function unread(thread: Thread, reader: string): Posting[] {
  return above(thread, reader).filter((post) => !isOwn(post, reader))
}

function ownAbove(thread: Thread, reader: string): Posting[] {
  return above(thread, reader).filter((post) => isOwn(post, reader))
}

/** A cursor never moves back. */
function move(thread: Thread, reader: string, seq = 0): void {
  if (seq > cursor(thread, reader)) thread.cursors.set(reader, seq)
}

/** Over own posts that join onto the cursor. */
function stepOver(thread: Thread, reader: string): void {
  for (const post of above(thread, reader)) {
    if (!isOwn(post, reader)) return
    move(thread, reader, post.message.seq)
  }
}

function matches({ message, to }: Posting, filters: Args): boolean {
  const { since, surface, session_tag, query } = filters
  return (
    (since === undefined || message.created_at > since) &&
    (surface === undefined || message.surface === surface) &&
    (session_tag === undefined || message.session_tag === session_tag) &&
    (filters.to === undefined || to === filters.to) &&
    (query === undefined || message.content.includes(query))
  )
}
