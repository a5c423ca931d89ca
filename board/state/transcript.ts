/**
 * The open thread: a window of its messages without gaps, oldest first, that grows at both ends as the
 * person scrolls. opening.ts opens it. Reading here moves no cursor; read-state.ts marks what was on screen.
 */
import { batch, signal } from '@preact/signals'
import { isPerson, type Message, PERSON } from '../relay/types.ts'
import { isOutdatedBy, lineFor, merge } from './merging.ts'
import { PAGE, read, readAfter, readOwn } from './reading.ts'
import { noteFault, noteSuccess } from './status.ts'
import { findThread } from './threads.ts'

/** A message, with `top` at that many pixels below the top of the box. */
export interface Aim {
  seq?: number
  top?: number
}

export interface Transcript {
  name: string
  /** `missing`: no such thread, or none any more. */
  status: 'loading' | 'ready' | 'missing' | 'failed'
  messages: Message[]
  /** Messages older than these. */
  olderCount: number
  /** Whether there are messages newer than these. */
  hasNewer: boolean
  /** The first message that was new when the thread was opened, or after the person was away. */
  firstUnread?: number
  /** How many there are from there on, until the person has been at the end. */
  unreadCount: number
  isCaughtUp?: boolean
  /** Up to here everything was read when it was opened. */
  readUpTo: number
  /** The thread's `changed_at` that these messages have seen. */
  changedAt?: string | undefined
  /** Whether the person has written since, which closes the open messages to them. */
  isStale?: boolean
  /** Where to scroll to: a message, or the end. Each jump has an object of its own. */
  aim: Aim
  /** The error, when `failed`. */
  problem?: string
}

export const transcript = signal<Transcript | undefined>(undefined)

/** Messages that came while the thread was open, for those who do not see them arrive. */
export const arrived = signal(0)

/** Ends with the window: its pending requests are then no longer needed. */
let current = new AbortController()
let isGrowing = false

/** Called when the open thread turns out to be gone. */
let onMissing = (_name: string) => {}

export function followMissing(listener: typeof onMissing): void {
  onMissing = listener
}

/** Ends the window, and begins another. */
export function beginWindow(): AbortSignal {
  current.abort()
  current = new AbortController()
  return current.signal
}

export function emptyOf(name: string): Transcript {
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

export function isListed(name: string): boolean {
  return findThread(name) !== undefined
}

export function lastSeq(name: string): number {
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
export function renew(): Promise<void> {
  return grow(async ({ name, messages }, signal) => {
    const changedAt = findThread(name)?.changed_at
    const lowest = messages[0]?.seq ?? 1
    const count = (messages.at(-1)?.seq ?? 0) - lowest + 1
    const added = count > 0 ? await readAfter(name, lowest - 1, count, signal) : []
    return { added, change: { changedAt, isStale: false } }
  })
}

/** Reads again what became of the person's own messages, which nothing announces. */
export function renewReceipts(): Promise<void> {
  return grow(async ({ name, messages }, signal) => {
    const { messages: own } = await readOwn({ thread_name: name, from: PERSON, limit: 20 }, signal)
    const known = new Set(messages.map(({ seq }) => seq))
    return { added: own.filter(({ seq }) => known.has(seq)), change: {} }
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
  const { signal } = current
  try {
    const open = transcript.peek() as Transcript
    const page = await readOwn({ thread_name: open.name, limit: PAGE }, signal)
    if (signal.aborted) return
    // Pending answers for the window before do not concern this one.
    beginWindow()
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

interface Growth {
  added: Message[]
  change: Partial<Transcript>
}

/** Lets one thing at a time change the window, and drops answers for an earlier window. */
async function grow(
  by: (open: Transcript, signal: AbortSignal) => Promise<Growth | undefined>,
): Promise<void> {
  const open = transcript.peek()
  const { signal } = current
  if (open?.status !== 'ready' || isGrowing || signal.aborted) return
  isGrowing = true
  let mayRenew = false
  try {
    const growth = await by(open, signal)
    noteSuccess()
    if (!growth || signal.aborted) return
    put(growth.added, growth.change)
    mayRenew = growth.change.isStale === undefined
  } catch (error) {
    if (!signal.aborted) {
      const fault = noteFault(error)
      if (fault.code === 'thread_not_found') onMissing(open.name)
    }
  } finally {
    isGrowing = false
  }
  if (mayRenew && transcript.peek()?.isStale) await renew()
}

/** Puts messages into the open window, each once and in order. */
export function put(added: Message[], change: Partial<Transcript>): void {
  const open = transcript.peek()
  if (!open) return
  const bySeq = new Map(open.messages.map((message) => [message.seq, message]))
  const last = open.messages.at(-1)?.seq ?? 0
  for (const message of added) bySeq.set(message.seq, merge(bySeq.get(message.seq), message))
  const news = open.hasNewer ? [] : added.filter(({ seq }) => seq > last)
  const others = news.filter((message) => !isPerson(message))
  batch(() => {
    transcript.value = {
      ...open,
      ...(added.length > 0 && { messages: [...bySeq.values()].sort((a, b) => a.seq - b.seq) }),
      ...(isOutdatedBy(news, open.messages) && { isStale: true }),
      ...lineFor(open, others),
      ...change,
    }
    arrived.value += others.length
  })
}

/** Puts the line above a message that came with more than fits on the screen. */
export function markNew(seq: number): void {
  const open = transcript.peek()
  if (!open || (open.firstUnread !== undefined && !open.isCaughtUp)) return
  const unreadCount = open.messages.filter((each) => each.seq >= seq && !isPerson(each)).length
  transcript.value = { ...open, firstUnread: seq, unreadCount, isCaughtUp: false }
}

/** Notes that the person has been at the end: what comes next may get a line of its own. */
export function noteCaughtUp(): void {
  const open = transcript.peek()
  if (!open || open.isCaughtUp || document.hidden || !document.hasFocus()) return
  transcript.value = { ...open, isCaughtUp: true }
}
