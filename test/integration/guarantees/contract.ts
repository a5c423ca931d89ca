/**
 * The answers that the six tools must have when calls come one after the other, by the contract only: a relay in
 * memory, as plain as possible, in the shape of 0.1.0, or with `isFull` in that of the SQL functions. Where
 * only the relay can know something (ids, times), its first answer is taken over and must stay the same.
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
  replyTo: number | undefined
  /** How far its author had received the thread when it last posted there without a reply, this included. */
  readSeq: number
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
  readonly #isFull: boolean

  constructor({ isFull = false } = {}) {
    this.#isFull = isFull
  }

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
      const addressed = thread.posts.find(
        (post) => post.to === reader && this.#outcome(post).isOpen,
      )?.message.seq
      const start = Math.min(newest, (addressed ?? newest + 1) - 1)
      if (start > 0) thread.cursors.set(reader, start)
      const count = thread.posts.filter(({ message }) => message.seq <= start).length
      if (count > 0) skipped.push({ ...named(thread), message_count: count })
    }
    return skipped.length > 0 ? { skipped, skipped_thread_count: skipped.length } : {}
  }

  /** A check that counts everything older as read, save what is addressed to the reader. */
  #passOver(threads: Thread[], reader: string, since: string): Answer {
    const skipped: Answer[] = []
    for (const thread of threads.toReversed()) {
      const ahead = above(thread, reader)
      const end = ahead.findIndex(({ message, to }) => message.created_at >= since || to === reader)
      const passed = end < 0 ? ahead : ahead.slice(0, end)
      move(thread, reader, passed.at(-1)?.message.seq)
      const count = passed.filter((post) => !isOwn(post, reader)).length
      if (count > 0) skipped.push({ ...named(thread), message_count: count })
    }
    return skipped.length > 0 ? { skipped, skipped_thread_count: skipped.length } : {}
  }

  /** The outcome of a message that is addressed. */
  #outcome({ message, from, to }: Posting) {
    const { posts, cursors } = this.#threads.find(({ id }) => id === message.thread_id) as Thread
    const isGiven =
      this.#readers.has(to as string) && message.seq <= (cursors.get(to as string) ?? 0)
    const reply = posts.find((post) => post.replyTo === message.seq && post.from === to)
    const own = posts.filter(
      (post) => post.from === to && post.to !== to && post.message.seq > message.seq,
    )
    const isClosed = from !== to && isGiven && (own.at(-1)?.readSeq ?? 0) >= message.seq
    const post = isClosed ? own.find(({ readSeq }) => readSeq >= message.seq) : undefined
    const answeredBy = (reply ?? post)?.message.seq
    return { isGiven, answeredBy, isOpen: answeredBy === undefined }
  }

  /** Whether its author still waits: for an answer, or for a reply to be received. */
  #waits(post: Posting): boolean {
    const { isOpen, isGiven } = this.#outcome(post)
    return isOpen && !(post.replyTo && isGiven)
  }

  /** The fields about a reader's messages in all threads, without those that the answer has anyway. */
  #mail(reader: string | undefined, shown: Posting[], hasSent: boolean): Answer {
    if (!reader || !this.#isFull) return {}
    const newest = (isOne: (post: Posting) => boolean) => this.#newest().filter(isOne).slice(0, 20)
    const addressed = newest(({ to }) => to === reader).filter(
      (post) => !shown.includes(post) && post.message.seq > cursor(this.#of(post), reader),
    )
    const sent = newest(({ from, to }) => from === reader && to !== undefined).filter(
      (post) => post.to !== reader && !shown.includes(post) && this.#waits(post),
    )
    return {
      ...(addressed.length > 0 && {
        addressed_unread: addressed.slice(0, 3).map((post) => ({
          ...named(this.#of(post)),
          seq: post.message.seq,
          ...(post.from && { from: post.from }),
          content: post.message.content,
          created_at: `${post.message.created_at.slice(0, 23)}Z`,
        })),
      }),
      ...(addressed.length > 3 && { addressed_unread_count: addressed.length }),
      ...(hasSent &&
        sent.length > 0 && {
          sent: sent.slice(0, 3).map((post) => ({
            ...named(this.#of(post)),
            seq: post.message.seq,
            to: post.to,
            given: this.#outcome(post).isGiven,
          })),
        }),
      ...(hasSent && sent.length > 3 && { sent_count: sent.length }),
    }
  }

  /** A message as one reader sees it. */
  #shown(post: Posting, reader?: string): object {
    if (!this.#isFull) return post.message
    const { thread_id, metadata, session_tag, ...message } = post.message
    const { from, to, replyTo } = post
    const { isGiven, answeredBy, isOpen } = this.#outcome(post)
    const isSent = reader && from === reader && to && to !== reader
    return {
      ...message,
      ...(session_tag && { session_tag }),
      ...(from && { from }),
      ...(to && { to }),
      ...(replyTo && { reply_to: replyTo }),
      ...(to && isOpen && { open: true }),
      ...(isSent && { given: isGiven }),
      ...(isSent && answeredBy && { answered_by: answeredBy }),
    }
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
        ...(this.#isFull ? present(thread) : { description: thread.description }),
        ...(!this.#isFull && { last_message_at: thread.last_message_at }),
        archived: thread.archived,
        message_count: thread.posts.length,
        ...(reader_tag && isKnown(thread) && { unread_count: unread(thread, reader_tag).length }),
      })),
      remaining_count: Math.max(0, listed.length - limit),
      ...this.#mail(reader_tag, [], false),
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
    const { reply_to } = args
    const found = this.#find(thread_name)
    const answered = found?.posts.find(({ message }) => message.seq === reply_to)
    const author = answered?.from === reader_tag ? answered?.to : answered?.from
    const to = args.to ?? (author === reader_tag ? undefined : author)
    const first = found?.keys.get(idempotency_key)
    if (found && first && found.posts.includes(first)) {
      const { message, replyTo } = first
      const isSame = message.content === content && message.surface === surface
      if (!isSame || first.to !== to || replyTo !== reply_to) {
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

    if (reply_to && !answered) return { refused: 'has no message' }
    const news = { ...this.#note(reader_tag), ...(reader_tag && this.#introduce(reader_tag)) }
    const thread = found ?? this.#open(thread_name, thread_id)
    const waiting = reader_tag && unread(thread, reader_tag).length
    const wasArchived = thread.archived
    const seq = thread.last + 1
    const stored = { surface, session_tag, content, metadata: null }
    const message = { id, thread_id: thread.id, seq, created_at, ...stored }
    const before = thread.posts.findLast((each) => isOwn(each, reader_tag))
    const readSeq = reply_to ? (before?.readSeq ?? 0) : cursor(thread, reader_tag)
    const post = { message, from: reader_tag, to, replyTo: reply_to, readSeq }
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
      ...this.#mail(reader_tag, [post], true),
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
    const window = matching.slice(0, limit)
    const messages = window.map((post) => this.#shown(post, reader_tag))
    const oldest = window.at(-1)?.message.seq ?? before_seq ?? thread.last + 1
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
      move(thread, reader_tag, window[0]?.message.seq)
    }
    return { ...answer, unread_older_count: skipped, ...this.#mail(reader_tag, window, false) }
  }

  #search({ limit = 50, ...filters }: Args): Answer {
    const matching = this.#newest().filter((post) => matches(post, filters))
    const last = matching[limit - 1]?.message
    const hits = new Map<Thread, number>()
    for (const post of matching) hits.set(this.#of(post), (hits.get(this.#of(post)) ?? 0) + 1)
    const byHits = [...hits].toSorted((a, b) => b[1] - a[1])
    return {
      messages: matching
        .slice(0, limit)
        .map((post) => ({ ...this.#place(post), ...this.#shown(post) })),
      has_more: matching.length > limit,
      ...(this.#isFull &&
        matching.length > limit && { next_before: `${last?.created_at}/${last?.id}` }),
      ...(byHits.length > 0 && {
        threads: byHits.map(([thread, count]) => ({ ...named(thread), hits: count })),
      }),
    }
  }

  #check({ thread_name, reader_tag, limit = 100, peek = false, ack_seq = 0, since }: Args): Answer {
    const thread = this.#find(thread_name)
    if (!thread) return NOT_FOUND
    if (ack_seq > thread.last) return { refused: 'above the last seq' }
    const noted = this.#note(reader_tag)
    const passed = since && !peek ? this.#passOver([thread], reader_tag, since) : {}
    const news = { ...noted, ...passed }
    const acknowledged = unread(thread, reader_tag).filter(({ message }) => message.seq <= ack_seq)
    move(
      thread,
      reader_tag,
      thread.posts.findLast(({ message }) => message.seq <= ack_seq)?.message.seq,
    )
    return {
      ...this.#handOut([thread], { reader_tag, limit, peek, since, thread_name }),
      ...(this.#isFull && { thread_name }),
      ...(thread.archived && { archived: true }),
      ...(ack_seq > 0 && { acknowledged_count: acknowledged.length }),
      ...news,
    }
  }

  #checkAll({ reader_tag, limit = 100, peek = false, since }: Args): Answer {
    const noted = this.#note(reader_tag)
    const asked = { reader_tag, limit, peek, since }
    if (since && peek) return { ...this.#handOut(this.#byActivity(), asked), ...noted }
    const skipped = since
      ? this.#passOver(this.#byActivity(), reader_tag, since)
      : this.#introduce(reader_tag)
    this.#introduced.add(reader_tag)
    return { ...this.#handOut(this.#byActivity(), asked), ...noted, ...skipped }
  }

  #handOut(threads: Thread[], { reader_tag, limit, peek, since, thread_name }: Args): Answer {
    const isNewer = ({ message }: Posting) => !peek || !since || message.created_at >= since
    const unreadIn = (thread: Thread) => unread(thread, reader_tag).filter(isNewer)
    const all = threads.flatMap(unreadIn)
    const handedOut = all.slice(0, limit)
    const own = threads.flatMap((thread) => ownAbove(thread, reader_tag)).filter(isNewer).length
    // As the sender sees it: before this call gives anything.
    const messages = handedOut.map((post) => ({
      ...(this.#isFull && thread_name ? {} : this.#place(post)),
      ...this.#shown(post, reader_tag),
    }))
    if (!peek) {
      for (const post of handedOut) move(this.#of(post), reader_tag, post.message.seq)
      for (const thread of threads) {
        const isReached = handedOut.some((post) => this.#of(post) === thread)
        if (isReached || unread(thread, reader_tag).length === 0) stepOver(thread, reader_tag)
      }
    }
    const remaining = threads
      .map((thread) => ({ ...named(thread), unread_count: unreadIn(thread).length }))
      .filter(({ unread_count }) => unread_count > 0)
    return {
      new_message_count: handedOut.length,
      messages,
      remaining_count: all.length - (peek ? 0 : handedOut.length),
      ...(remaining.length > 0 ? { remaining } : { own_message_count: own }),
      ...this.#mail(reader_tag, handedOut, true),
    }
  }

  #archive({ thread_name, archived = true }: Args): Answer {
    const thread = this.#find(thread_name)
    if (!thread) return NOT_FOUND
    thread.archived = archived
    return { ...(this.#isFull && { thread_name }), archived }
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

  /** The thread of a message, among messages of several. */
  #place(post: Posting): object {
    const thread = this.#of(post)
    return this.#isFull ? { ...named(thread), thread_id: thread.id } : { thread_name: thread.name }
  }
}

/** A thread where it is named: with a mark if it is archived. */
const named = ({ name, archived }: Thread) => ({
  thread_name: name,
  ...(archived && { archived }),
})

/** The parts of a thread that it may be without. */
const present = ({ description, last_message_at }: Thread) => ({
  ...(description !== null && { description }),
  ...(last_message_at !== null && { last_message_at }),
})

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
