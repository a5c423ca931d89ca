/**
 * Marks as read what has been on screen for a second: in order, so that nothing unseen is passed over.
 * Only the person's own cursor moves (reader_tag `board`).
 */
import { callTool } from '../relay/client.ts'
import { isPerson, type Message, PERSON } from '../relay/types.ts'
import { noteFault } from './status.ts'
import { patchThread } from './threads.ts'
import { transcript } from './transcript.ts'

/** Milliseconds on screen after which a message counts as read, and in which several are collected. */
const LOOK = 1_000
const COLLECT = 400

let name: string | undefined
let seen = new Set<number>()
/** Everything up to here is read, as far as the relay has been told. */
let told = 0
let timer: number | undefined

const waiting = new Map<Element, number>()

/** Watches message elements that carry `data-seq`. */
export function createReadObserver(root: Element): IntersectionObserver {
  return new IntersectionObserver(
    (entries) => {
      for (const {
        target,
        isIntersecting,
        intersectionRatio,
        intersectionRect,
        rootBounds,
      } of entries) {
        clearTimeout(waiting.get(target))
        waiting.delete(target)
        const fillsScreen = intersectionRect.height > (rootBounds?.height ?? 0) / 2
        if (isIntersecting && (intersectionRatio > 0.6 || fillsScreen)) {
          const seq = Number((target as HTMLElement).dataset.seq)
          const thread = transcript.peek()?.name
          waiting.set(
            target,
            setTimeout(() => note(thread, seq), LOOK),
          )
        }
      }
    },
    { root, threshold: [0, 0.25, 0.6, 1] },
  )
}

function note(thread: string | undefined, seq: number): void {
  const open = transcript.peek()
  if (!open || open.name !== thread || document.hidden) return
  if (name !== thread) {
    name = thread
    seen = new Set()
    told = (open.firstUnread ?? open.messages[0]?.seq ?? 1) - 1
  }
  seen.add(seq)
  if (timer === undefined) timer = setTimeout(tell, COLLECT)
}

/** The end of the run of messages from the first unread one that have all been seen. */
export function endOfRun(messages: Message[], from: number, seen: ReadonlySet<number>): number {
  let end = from
  for (const message of messages) {
    if (message.seq <= end) continue
    if (!seen.has(message.seq) && !isPerson(message)) break
    end = message.seq
  }
  return end
}

async function tell(): Promise<void> {
  timer = undefined
  const open = transcript.peek()
  if (!open || open.name !== name || (open.messages[0]?.seq ?? 0) > told + 1) return
  const end = endOfRun(open.messages, told, seen)
  if (end > told) await acknowledge(open.name, end)
}

/** Marks a thread as read up to a place. */
async function acknowledge(thread: string, seq: number): Promise<void> {
  const before = told
  if (thread === name) told = seq
  try {
    const { remaining_count } = await callTool('relay_check_new', {
      reader_tag: PERSON,
      thread_name: thread,
      ack_seq: seq,
      peek: true,
      limit: 1,
    })
    patchThread(thread, { unread_count: remaining_count })
  } catch (error) {
    if (thread === name) told = before
    noteFault(error)
  }
}

/** Marks a whole thread as read; `last` is the seq of its latest message. */
export function markAllRead(thread: string, last: number): Promise<void> {
  return acknowledge(thread, last)
}
