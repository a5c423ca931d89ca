/**
 * The open thread: a window of its messages without gaps, oldest first, that grows at both ends as the
 * person scrolls. Reading here moves no cursor; read-state.ts marks what was on screen.
 */
import { batch, effect, signal, untracked } from '@preact/signals'
import { callTool } from '../relay/client.ts'
import { isPerson, type Message, type News, PERSON } from '../relay/types.ts'
import { moveDraft } from './drafts.ts'
import { PAGE, read, readAfter, readAround, readOwn } from './reading.ts'
import { go, route } from './route.ts'
import { noteFault, noteSuccess } from './status.ts'
import { findThread, introduce, looks } from './threads.ts'

/** Milliseconds in which a selection that moves again has not arrived yet. */
const MOVING = 200

export interface Transcript {
  name: string
  /** `missing`: no such thread, or none any more. */
  status: 'loading' | 'ready' | 'missing' | 'failed'
  messages: Message[]
  /** Messages older than these. */
  olderCount: number
  /** Whether there are messages newer than these. */
  hasNewer: boolean
  /** The first message that the person had not read when the thread was opened. */
  firstUnread?: number
  /** How many they were. */
  unreadCount: number
  /** Up to here everything was read when it was opened. */
  readUpTo: number
  /** The thread's `changed_at` that these messages have seen. */
  changedAt?: string | undefined
  /** Whether the person has written since, which closes the open messages to them. */
  isStale?: boolean
  /** Where to scroll to: a message, or the end. Each jump has an object of its own. */
  aim: { seq?: number }
  /** The error, when `failed`. */
  problem?: string
}

export const transcript = signal<Transcript | undefined>(undefined)

/** Messages that came while the thread was open, for those who do not see them arrive. */
export const arrived = signal(0)

/** Ends with the window: its pending requests are then no longer needed. */
let opening = new AbortController()
let openedAt = 0
let isGrowing = false

/** Follows the route and the list from now on. */
export function followTranscript(): void {
  effect(() => {
    const to = route.value
    if (to.at !== 'thread') {
      opening.abort()
      transcript.value = undefined
    } else if (isInView(to.name, to.seq)) {
      const open = transcript.peek() as Transcript
      if (to.seq !== undefined) transcript.value = { ...open, aim: { seq: to.seq } }
    } else void open(to.name, to.seq)
  })
  effect(() => {
    const { isWhole } = looks.value
    untracked(() => catchUp(isWhole))
  })
}

/** Brings the open thread in line with the list, which was just looked at. */
function catchUp(isWhole: boolean): void {
  const open = transcript.peek()
  if (!open || open.status === 'loading') return
  if (open.status === 'failed' || (open.status === 'missing' && isListed(open.name))) {
    retryTranscript()
  } else if (open.status === 'ready' && isWhole && !isListed(open.name)) {
    // Renamed or deleted meanwhile: asking again says which.
    opening.abort()
    transcript.value = { ...emptyOf(open.name), status: 'failed' }
    retryTranscript()
  } else if (open.status === 'ready' && isListed(open.name)) {
    // A thread may be opened before the list is there, which knows where it ends.
    if (open.hasNewer && !isBehind(open)) transcript.value = { ...open, hasNewer: false }
    else if (!open.hasNewer && isBehind(open)) void loadNewer()
    else if (open.isStale || open.changedAt !== findThread(open.name)?.changed_at) void renew()
  }
}

function isBehind({ name, messages }: Transcript): boolean {
  return lastSeq(name) > (messages.at(-1)?.seq ?? 0)
}

/** Opens the thread again after a fault. */
export function retryTranscript(): void {
  const to = route.peek()
  if (to.at === 'thread' && transcript.peek()?.status !== 'ready') void open(to.name, to.seq)
}

function isInView(name: string, seq: number | undefined): boolean {
  const open = transcript.peek()
  if (open?.name !== name || open.status !== 'ready') return false
  return seq === undefined || open.messages.some((message) => message.seq === seq)
}

function emptyOf(name: string): Transcript {
  return {
    name,
    status: 'loading',
    messages: [],
    olderCount: 0,
    hasNewer: false,
    unreadCount: 0,
    readUpTo: 0,
    aim: {},
  }
}

async function open(name: string, seq?: number): Promise<void> {
  opening.abort()
  opening = new AbortController()
  const { signal } = opening
  const isMoving = Date.now() - openedAt < MOVING
  openedAt = Date.now()
  const shown = transcript.peek()
  if (shown?.name !== name || shown.status !== 'ready') transcript.value = emptyOf(name)
  // A key that is held down passes threads by: only the one it stops at is asked for.
  if (isMoving) await new Promise((resolve) => setTimeout(resolve, MOVING))
  if (signal.aborted) return
  // Before the look at the unread messages: a later message may be in neither answer.
  const last = lastSeq(name)
  const changedAt = findThread(name)?.changed_at
  try {
    const [reading, news] = await Promise.all([
      seq === undefined
        ? readOwn({ thread_name: name, limit: PAGE }, signal)
        : readAround(name, seq, signal),
      peekUnread(name, signal),
    ])
    noteSuccess()
    // The relay finds other spellings and former names; here a thread has its own.
    const { thread_name = name } = reading
    if (thread_name !== name) {
      moveDraft(name, thread_name)
      return go({ at: 'thread', name: thread_name, ...(seq !== undefined && { seq }) }, true)
    }
    const firstUnread = news.messages[0]?.seq
    let page = reading
    const lowest = reading.messages.at(-1)?.seq ?? 0
    // The person continues where they stopped, which may be far up.
    if (seq === undefined && firstUnread !== undefined && firstUnread < lowest) {
      page = await readAround(name, firstUnread, signal)
    }
    const messages = page.messages.toReversed()
    const highest = messages.at(-1)?.seq ?? 0
    const newest = Math.max(reading.messages[0]?.seq ?? 0, lastSeq(name))
    const aimed = seq ?? firstUnread
    transcript.value = {
      name,
      status: 'ready',
      messages,
      olderCount: page.older_count ?? 0,
      // The end of a thread that the list does not hold is found by reading on.
      hasNewer: highest < newest || (seq !== undefined && highest > 0 && !isListed(name)),
      unreadCount: news.remaining_count,
      readUpTo: firstUnread === undefined ? last || newest : firstUnread - 1,
      changedAt,
      ...(firstUnread !== undefined && { firstUnread }),
      aim: aimed === undefined ? {} : { seq: aimed },
    }
  } catch (error) {
    if (signal.aborted) return
    const fault = noteFault(error)
    const status = fault.code === 'thread_not_found' ? 'missing' : 'failed'
    const kept = transcript.peek()
    // The messages on screen stay while the database is away.
    if (kept?.status === 'ready' && status === 'failed') return
    transcript.value = { ...emptyOf(name), status, problem: fault.message }
  }
}

/** The first message that the person has not read: that is decided when they become a reader. */
async function peekUnread(name: string, signal: AbortSignal): Promise<News> {
  await introduce()
  const args = { reader_tag: PERSON, thread_name: name, peek: true, limit: 1 }
  return callTool('relay_check_new', args, signal)
}

function isListed(name: string): boolean {
  return findThread(name) !== undefined
}

function lastSeq(name: string): number {
  return findThread(name)?.latest?.seq ?? 0
}

/** Loads the page before the window. */
export function loadOlder(): Promise<void> {
  return grow(async ({ name, messages, olderCount }, signal) => {
    const lowest = messages[0]?.seq
    if (olderCount === 0 || lowest === undefined) return undefined
    const page = await readOwn({ thread_name: name, limit: PAGE, before_seq: lowest }, signal)
    return { added: page.messages, change: { olderCount: page.older_count ?? 0 } }
  })
}

/** Loads the page after the window. */
export function loadNewer(): Promise<void> {
  return grow(async ({ name, messages }, signal) => {
    const highest = messages.at(-1)?.seq ?? 0
    const added = await readAfter(name, highest, PAGE, signal)
    const newest = added[0]?.seq ?? highest
    const hasNewer = newest < lastSeq(name) || !isListed(name)
    if (added.length > 0) return { added, change: { hasNewer } }
    // The next messages are more than a page away, because those in between were deleted.
    const end = await readOwn({ thread_name: name, limit: PAGE }, signal)
    const rest = end.messages.filter(({ seq }) => seq > highest)
    return { added: rest, change: { hasNewer: false } }
  })
}

/** Reads the window again, whose messages the person has changed, here or elsewhere. */
function renew(): Promise<void> {
  return grow(async ({ name, messages }, signal) => {
    const changedAt = findThread(name)?.changed_at
    const lowest = messages[0]?.seq ?? 1
    const count = (messages.at(-1)?.seq ?? 0) - lowest + 1
    const added = count > 0 ? await readAfter(name, lowest - 1, count, signal) : []
    return { added, change: { changedAt, isStale: false } }
  })
}

/** Changes a message of the open thread before the relay confirms it. */
export function replaceMessage(name: string, message: Message): void {
  const open = transcript.peek()
  if (open?.name !== name) return
  const messages = open.messages.map((each) => (each.seq === message.seq ? message : each))
  transcript.value = { ...open, messages }
}

/** Shows the end of the thread. */
export async function jumpToEnd(): Promise<void> {
  if (!transcript.peek()?.hasNewer) return
  const { signal } = opening
  try {
    const open = transcript.peek() as Transcript
    const page = await readOwn({ thread_name: open.name, limit: PAGE }, signal)
    if (signal.aborted) return
    // Pending answers for the window before do not concern this one.
    opening.abort()
    opening = new AbortController()
    const messages = page.messages.toReversed()
    transcript.value = {
      ...open,
      messages,
      olderCount: page.older_count ?? 0,
      hasNewer: (messages.at(-1)?.seq ?? 0) < lastSeq(open.name),
      aim: {},
    }
  } catch (error) {
    if (!signal.aborted) noteFault(error)
  }
}

/** Replaces a message that was cut by the whole one, and returns its content. */
export async function showWhole(name: string, seq: number): Promise<string> {
  const { messages } = await read({ thread_name: name, seq })
  const [whole] = messages
  if (!whole) throw new Error('The message no longer exists.')
  const open = transcript.peek()
  // The window may have moved on: a message in front of it would hide the gap between them.
  if (open?.name === name && open.messages.some((message) => message.seq === seq)) put([whole], {})
  return whole.content
}

/** Adds a message that this board has just posted. */
export function addOwn(name: string, message: Message): void {
  const open = transcript.peek()
  if (open?.name !== name) return
  const newest = open.messages.at(-1)?.seq ?? 0
  if (open.status === 'missing') retryTranscript()
  else if (open.status !== 'ready' || open.hasNewer) return
  else if (message.seq === newest + 1) put([message], {})
  else void loadNewer()
}

interface Growth {
  added: Message[]
  change: Partial<Transcript>
}

/** Lets one thing at a time change the window, and drops answers for an earlier window. */
async function grow(
  by: (open: Transcript, signal: AbortSignal) => Promise<Growth | undefined>,
): Promise<void> {
  const window = transcript.peek()
  const { signal } = opening
  if (window?.status !== 'ready' || isGrowing || signal.aborted) return
  isGrowing = true
  try {
    const growth = await by(window, signal)
    noteSuccess()
    if (growth && !signal.aborted) put(growth.added, growth.change)
  } catch (error) {
    if (!signal.aborted) {
      const fault = noteFault(error)
      if (fault.code === 'thread_not_found') void open(window.name)
    }
  } finally {
    isGrowing = false
  }
}

/** Puts messages into the open window, each once and in order. */
function put(added: Message[], change: Partial<Transcript>): void {
  const open = transcript.peek()
  if (!open) return
  const bySeq = new Map(open.messages.map((message) => [message.seq, message]))
  const last = open.messages.at(-1)?.seq ?? 0
  for (const message of added) bySeq.set(message.seq, merge(bySeq.get(message.seq), message))
  const news = open.hasNewer ? [] : added.filter(({ seq }) => seq > last)
  batch(() => {
    transcript.value = {
      ...open,
      ...(added.length > 0 && { messages: [...bySeq.values()].sort((a, b) => a.seq - b.seq) }),
      ...(news.some(isPerson) && open.messages.some((each) => each.open) && { isStale: true }),
      ...change,
    }
    arrived.value += news.filter((message) => !isPerson(message)).length
  })
}

/**
 * The newer version of a message; the same object if nothing has changed. It stays whole once it was, and
 * taken back, which the relay may not know yet.
 */
function merge(known: Message | undefined, { content_length, ...fresh }: Message): Message {
  if (known?.redacted) return known
  const wasWhole = known !== undefined && known.content_length === undefined
  const next =
    content_length === undefined
      ? fresh
      : wasWhole
        ? { ...fresh, content: known.content }
        : { ...fresh, content_length }
  return JSON.stringify(known) === JSON.stringify(next) && known ? known : next
}
