/**
 * Marks messages as read after a second on screen: in order, so that nothing unseen is passed over.
 * Only the person's own cursor moves (reader_tag `board`).
 */
import { effect } from '@preact/signals'
import { callTool } from '../relay/client.ts'
import { isPerson, type Message, PERSON, type Thread } from '../relay/types.ts'
import { noteFault, say } from './status.ts'
import { holdThread, letGoThread, looks, patchThread } from './threads.ts'
import { transcript } from './transcript.ts'
import { delay } from './undo.ts'

/** Milliseconds on screen after which a message counts as read, and in which several are collected. */
const LOOK = 1_000
const COLLECT = 400

/** Often enough for a message that is fifty screens tall. */
const THRESHOLDS = Array.from({ length: 51 }, (_, i) => i / 50)

/** Where the thread was read up to when it was opened: another object of state, another reading. */
let opened = { name: '', readUpTo: 0 }
let seen = new Set<number>()
/** Everything up to here is read, as far as the relay has been told. */
let told = 0
let timer: number | undefined

/** The messages on screen, and the timers of those that have not been there for long enough. */
const onScreen = new Set<Element>()
const waiting = new Map<Element, number>()

document.addEventListener('visibilitychange', () => {
  for (const element of onScreen) startWaiting(element)
})

// Repeats failed acknowledgements as soon as the relay answers again.
effect(() => {
  if (looks.value.count > 0 && timer === undefined) void tell()
})

/** Watches message elements that carry `data-seq`. Disconnect it with stopReading(). */
export function createReadObserver(root: Element | null): IntersectionObserver {
  return new IntersectionObserver(
    (entries) => {
      for (const entry of entries) {
        const { target, isIntersecting, intersectionRatio, intersectionRect, rootBounds } = entry
        const fillsScreen = intersectionRect.height > (rootBounds?.height ?? 0) / 2
        if (isIntersecting && (intersectionRatio > 0.6 || fillsScreen)) {
          if (!onScreen.has(target)) startWaiting(target)
          onScreen.add(target)
        } else {
          stopWaiting(target)
          onScreen.delete(target)
        }
      }
    },
    { root, threshold: THRESHOLDS },
  )
}

/** Ends an observer, and forgets the elements that it watched. */
export function stopReading(observer: IntersectionObserver): void {
  observer.disconnect()
  for (const element of waiting.keys()) stopWaiting(element)
  onScreen.clear()
}

function stopWaiting(element: Element): void {
  clearTimeout(waiting.get(element))
  waiting.delete(element)
}

function startWaiting(element: Element): void {
  stopWaiting(element)
  if (document.hidden || !element.isConnected) return
  const seq = Number((element as HTMLElement).dataset.seq)
  const thread = transcript.peek()?.name
  waiting.set(
    element,
    setTimeout(() => {
      waiting.delete(element)
      note(thread, seq)
    }, LOOK),
  )
}

function note(thread: string | undefined, seq: number): void {
  const open = transcript.peek()
  if (!open || open.name !== thread || document.hidden) return
  if (opened.name !== open.name || opened.readUpTo !== open.readUpTo) {
    opened = { name: open.name, readUpTo: open.readUpTo }
    seen = new Set()
    told = open.readUpTo
  }
  seen.add(seq)
  if (timer === undefined) timer = setTimeout(tell, COLLECT)
}

/** The end of the run of messages after `from` that have all been seen; the person's own need not be. */
function endOfRun(messages: Message[], from: number, seen: ReadonlySet<number>): number {
  let end = from
  for (const message of messages) {
    if (message.seq <= end) continue
    if (!seen.has(message.seq) && !isPerson(message)) break
    end = message.seq
  }
  return end
}

/** The first message after that one which has not been on screen for long enough; undefined when all have been. */
export function findUnseen(after = 0): number | undefined {
  const open = transcript.peek()
  if (!open) return undefined
  const isOwn = opened.name === open.name && opened.readUpTo === open.readUpTo
  const from = isOwn ? told : open.readUpTo
  const end = Math.max(
    after,
    endOfRun(open.messages, Math.max(after, from), isOwn ? seen : new Set()),
  )
  return open.messages.find((message) => message.seq > end && !isPerson(message))?.seq
}

async function tell(): Promise<void> {
  timer = undefined
  const open = transcript.peek()
  if (!open || open.name !== opened.name || (open.messages[0]?.seq ?? 0) > told + 1) return
  const end = endOfRun(open.messages, told, seen)
  if (end > told) await acknowledge(open.name, end)
}

/** Marks a thread as read up to a place. */
async function acknowledge(thread: string, seq: number): Promise<void> {
  const before = told
  if (thread === opened.name) told = Math.max(told, seq)
  try {
    const args = { reader_tag: PERSON, thread_name: thread, ack_seq: seq, peek: true, limit: 1 }
    const { remaining_count } = await callTool('relay_check_new', args, undefined, true)
    patchThread(thread, { unread_count: remaining_count })
  } catch (error) {
    if (thread === opened.name) told = Math.min(told, before)
    noteFault(error)
  }
}

/** Marks whole threads as read, after a time in which that can be undone. */
export function markAllRead(all: Thread[]): void {
  if (all.length === 0) {
    say('Nothing is unread')
    return
  }
  const [first] = all
  const text =
    all.length === 1 ? `${first?.name} marked as read` : `${all.length} threads marked as read`
  for (const { name } of all) holdThread(name, { unread_count: 0 })
  delay(
    text,
    async () => {
      for (const { name, latest } of all) {
        await acknowledge(name, latest?.seq ?? 1)
        letGoThread(name)
      }
    },
    () => {
      for (const { name, unread_count = 0 } of all) {
        letGoThread(name)
        patchThread(name, { unread_count })
      }
    },
  )
}
