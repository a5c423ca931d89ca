/**
 * The open thread: a window of its messages without gaps, oldest first, that grows at both ends as the
 * person scrolls. Reading here moves no cursor; read-state.ts marks what was on screen.
 */
import { batch, effect, signal, untracked } from '@preact/signals'
import { callTool } from '../relay/client.ts'
import { isPerson, type Message, PERSON } from '../relay/types.ts'
import { read } from './reading.ts'
import { go, route } from './route.ts'
import { noteFault, noteSuccess } from './status.ts'
import { findThread, looks } from './threads.ts'

/** Messages of a page. The relay returns fewer when they are long. */
const PAGE = 60

/** Messages shown below the one that is opened. */
const BELOW = 25

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
  /** Where to scroll to: a message, or the end. Each jump has an object of its own. */
  aim: { seq?: number }
  /** What went wrong, when `failed`. */
  problem?: string
}

export const transcript = signal<Transcript | undefined>(undefined)

/** Messages that came while the thread was open, for those who do not see them arrive. */
export const arrived = signal(0)

/** Ends with the window: what it still asks for then concerns nobody. */
let opening = new AbortController()
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
  const isListed = findThread(open.name) !== undefined
  if (open.status === 'failed' || (open.status === 'missing' && isListed)) retryTranscript()
  else if (open.status === 'ready' && isWhole && !isListed) {
    // Renamed or deleted meanwhile: asking again says which.
    opening.abort()
    transcript.value = { ...emptyOf(open.name), status: 'failed' }
    retryTranscript()
  } else if (open.status === 'ready' && !open.hasNewer && isBehind(open)) void loadNewer()
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
  const shown = transcript.peek()
  if (shown?.name !== name || shown.status === 'failed') transcript.value = emptyOf(name)
  try {
    const [reading, news] = await Promise.all([
      read({ thread_name: name, limit: PAGE, ...(seq && { before_seq: seq + BELOW }) }, signal),
      callTool(
        'relay_check_new',
        { reader_tag: PERSON, thread_name: name, peek: true, limit: 1 },
        signal,
      ),
    ])
    noteSuccess()
    // The relay finds names in other spellings; here a thread has the one that it was given.
    const { thread_name = name } = reading
    if (thread_name !== name) {
      return go({ at: 'thread', name: thread_name, ...(seq !== undefined && { seq }) }, true)
    }
    const firstUnread = news.messages[0]?.seq
    let page = reading
    const lowest = reading.messages.at(-1)?.seq ?? 0
    // The person continues where they stopped, which may be far up.
    if (seq === undefined && firstUnread !== undefined && firstUnread < lowest) {
      const args = { thread_name: name, limit: PAGE, before_seq: firstUnread + BELOW }
      page = await read(args, signal)
    }
    const messages = page.messages.toReversed()
    const newest = Math.max(reading.messages[0]?.seq ?? 0, lastSeq(name))
    const aimed = seq ?? firstUnread
    transcript.value = {
      name,
      status: 'ready',
      messages,
      olderCount: page.older_count ?? 0,
      hasNewer: (messages.at(-1)?.seq ?? 0) < newest,
      unreadCount: news.remaining_count,
      readUpTo: firstUnread === undefined ? newest : firstUnread - 1,
      ...(firstUnread !== undefined && { firstUnread }),
      aim: aimed === undefined ? {} : { seq: aimed },
    }
  } catch (error) {
    if (signal.aborted) return
    const fault = noteFault(error)
    const status = fault.code === 'thread_not_found' ? 'missing' : 'failed'
    const kept = transcript.peek()
    // What is on screen stays while the database is away.
    if (kept?.status === 'ready' && status === 'failed') return
    transcript.value = { ...emptyOf(name), status, problem: fault.message }
  }
}

function lastSeq(name: string): number {
  return findThread(name)?.latest?.seq ?? 0
}

/** Loads the page before the window. */
export function loadOlder(): Promise<void> {
  return grow(async ({ name, messages, olderCount }, signal) => {
    const lowest = messages[0]?.seq
    if (olderCount === 0 || lowest === undefined) return undefined
    const page = await read({ thread_name: name, limit: PAGE, before_seq: lowest }, signal)
    return { added: page.messages, change: { olderCount: page.older_count ?? 0 } }
  })
}

/** Loads the page after the window. */
export function loadNewer(): Promise<void> {
  return grow(async ({ name, messages }, signal) => {
    const highest = messages.at(-1)?.seq ?? 0
    let from = highest + PAGE + 1
    let added: Message[] = []
    // A page is filled from its end, so long messages may leave out those next to the window.
    while (from > highest + 1) {
      const page = await read({ thread_name: name, limit: PAGE, before_seq: from }, signal)
      const fresh = page.messages.filter(({ seq }) => seq > highest)
      added = [...added, ...fresh]
      if (fresh.length < page.messages.length || page.messages.length === 0) break
      from = page.messages.at(-1)?.seq ?? 0
    }
    const newest = added[0]?.seq ?? highest
    if (added.length > 0) return { added, change: { hasNewer: newest < lastSeq(name) } }
    // The next messages are more than a page away, because those in between were deleted.
    const end = await read({ thread_name: name, limit: PAGE }, signal)
    const rest = end.messages.filter(({ seq }) => seq > highest)
    return { added: rest, change: { hasNewer: false } }
  })
}

/** Shows the end of the thread. */
export async function jumpToEnd(): Promise<void> {
  if (!transcript.peek()?.hasNewer) return
  const { signal } = opening
  try {
    const open = transcript.peek() as Transcript
    const page = await read({ thread_name: open.name, limit: PAGE }, signal)
    if (signal.aborted) return
    // What was on its way for the window before concerns this one no longer.
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
  if (!whole) throw new Error('The message is no longer there.')
  if (transcript.peek()?.name === name) put([whole], {})
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

/** Lets one thing at a time change the window, and drops what comes for a window of before. */
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
  for (const message of added) bySeq.set(message.seq, message)
  const news = open.hasNewer ? [] : added.filter(({ seq }) => seq > last)
  batch(() => {
    transcript.value = {
      ...open,
      ...(added.length > 0 && { messages: [...bySeq.values()].sort((a, b) => a.seq - b.seq) }),
      ...change,
    }
    arrived.value += news.filter((message) => !isPerson(message)).length
  })
}
