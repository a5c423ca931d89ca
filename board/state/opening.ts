/** Opens a thread where the person continues, and keeps it in line with the list. */
import { effect, untracked } from '@preact/signals'
import { callTool } from '../relay/client.ts'
import { type Message, type News, PERSON } from '../relay/types.ts'
import type { Reference } from '../text/references.ts'
import { moveDraft } from './drafts.ts'
import { introduce } from './looking.ts'
import { isAwaited } from './merging.ts'
import { PAGE, readAround, readOwn } from './reading.ts'
import { formatRoute, go, readPlace, route } from './route.ts'
import { noteFault, noteSuccess } from './status.ts'
import { findThread, looks } from './threads.ts'
import {
  type Aim,
  beginWindow,
  emptyOf,
  followMissing,
  isListed,
  lastSeq,
  loadNewer,
  put,
  renew,
  renewReceipts,
  type Transcript,
  transcript,
} from './transcript.ts'

/** Milliseconds in which a selection that moves again has not arrived yet. */
const MOVING = 200

let openedAt = 0

/** Follows the route and the list from now on. */
export function followTranscript(): void {
  followMissing((name) => void open(name))
  effect(() => {
    const to = route.value
    if (to.at !== 'thread') {
      beginWindow()
      transcript.value = undefined
      return
    }
    const aim = aimOf(to.seq)
    if (isInView(to.name, aim.seq)) {
      const open = transcript.peek() as Transcript
      if (aim.seq !== undefined) transcript.value = { ...open, aim }
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
    beginWindow()
    transcript.value = { ...emptyOf(open.name), status: 'failed' }
    retryTranscript()
  } else if (open.status === 'ready' && isListed(open.name)) {
    // A thread may be opened before the list is there, which knows where it ends.
    if (open.hasNewer && !isBehind(open)) transcript.value = { ...open, hasNewer: false }
    else if (!open.hasNewer && isBehind(open)) void loadNewer()
    else if (open.isStale || open.changedAt !== findThread(open.name)?.changed_at) void renew()
    else if (open.messages.some(isAwaited)) void renewReceipts()
  }
}

function isBehind({ name, messages }: Transcript): boolean {
  return lastSeq(name) > (messages.at(-1)?.seq ?? 0)
}

/** The address of a message that another one names, if it exists: in a known thread, or in the open one. */
export function resolveReference({ thread, seq }: Reference): string | undefined {
  const name = thread ?? transcript.peek()?.name
  if (name === undefined || seq > lastSeq(name)) return undefined
  return formatRoute({ at: 'thread', name, seq })
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

/** Where the person was when they left this place, else the message that its address means. */
function aimOf(seq: number | undefined): Aim {
  const place = readPlace()
  return typeof place === 'object' ? place : seq === undefined ? {} : { seq }
}

async function open(name: string, wanted?: number): Promise<void> {
  const signal = beginWindow()
  const { seq, top } = aimOf(wanted)
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
      return go({ at: 'thread', name: thread_name, ...(wanted && { seq: wanted }) }, true)
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
      aim: aimed === undefined ? {} : { seq: aimed, ...(top !== undefined && { top }) },
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
