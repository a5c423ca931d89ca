/**
 * Messages on their way to the relay: shown at once, sent one after the other in each thread with an
 * idempotency key, and sent again with the same key after a fault, so that each arrives once. They live in
 * localStorage, which all tabs share, and so survive a reload. A post is held for a few seconds first, in which
 * it can be undone.
 */
import { batch, signal } from '@preact/signals'
import { callTool, relayNow } from '../relay/client.ts'
import { BOARD_NAME, PERSON } from '../relay/types.ts'
import type { Quoted } from './drafts.ts'
import { lookNow } from './looking.ts'
import { addOwn } from './opening.ts'
import { change, type Outgoing, outbox } from './outbox-store.ts'
import { noteFault, say } from './status.ts'
import { tellTabs } from './tabs.ts'

/** Milliseconds in which a post can be undone, and after which another tab sends what its own tab did not. */
const UNDO = 5_000
const GRACE = 5_000

/** Bytes of a request that the browser still sends while the page closes. */
const KEEPALIVE_LIMIT = 60_000

/** Milliseconds before a fault is tried again: twice as long each time. */
const FIRST_PAUSE = 5_000
const LONGEST_PAUSE = 60_000

/**
 * How a thread delivers its messages: `sending` has a request under way; `paused` waits after a fault, or while
 * the next message is held, and then sends, unless the tab is hidden. A thread without an entry has nothing to
 * send.
 *
 *     none ──post──▶ sending ──fault, hold──▶ paused ──timer, post, retry, online, tab shown──▶ sending
 *                       └──all sent or refused──▶ none
 */
interface Delivery {
  state: 'sending' | 'paused'
  /** The next pause, in milliseconds. */
  pause: number
  timer?: number
}

const deliveries = new Map<string, Delivery>()

let onPosted = (_thread: string, _seq?: number) => {}

/** Sends the posts that an earlier visit left, and shows those of the other tabs; calls back after each post. */
export function followOutbox(listener: typeof onPosted): void {
  onPosted = listener
  addEventListener('online', sendAll)
  document.addEventListener('visibilitychange', () => (document.hidden ? sendHeld() : sendAll()))
  addEventListener('pagehide', sendHeld)
  sendAll()
}

function sendAll(): void {
  if (document.hidden) return
  for (const thread of new Set(outbox.peek().map((each) => each.thread))) deliver(thread)
}

/** Begins to send, without the rest of a pause. Nothing changes while a request is under way. */
function deliver(thread: string): void {
  const { state, pause = FIRST_PAUSE, timer } = deliveries.get(thread) ?? {}
  if (state === 'sending') return
  clearTimeout(timer)
  deliveries.set(thread, { state: 'sending', pause })
  void send(thread)
}

/** Counts the posts of this tab. */
export const posted = signal(0)

/** The posts of this tab that are held, and so may not be sent by another one yet. */
const held = new Set<string>()

/** Posts a message, after the time in which it can be undone. */
export function post(thread: string, content: string, to: string, reply?: Quoted): void {
  const key = crypto.randomUUID()
  held.add(key)
  const sendAt = Date.now() + UNDO
  batch(() => {
    change((all) => [...all, { key, thread, content, to, sendAt, ...(reply && { reply }) }])
    posted.value += 1
  })
  deliver(thread)
}

/** Sends what this tab holds of a thread, now. */
export function release(thread: string): void {
  const isOwn = (each: Outgoing) => each.thread === thread && held.delete(each.key)
  const keys = new Set(
    outbox
      .peek()
      .filter(isOwn)
      .map(({ key }) => key),
  )
  if (keys.size === 0) return
  change((all) =>
    all.map(({ sendAt, ...rest }) => (keys.has(rest.key) || !sendAt ? rest : { ...rest, sendAt })),
  )
  deliver(thread)
}

/** Sends what this tab holds: the page is left, so it can no longer be undone. */
export function sendHeld(): void {
  for (const thread of new Set(outbox.peek().map((each) => each.thread))) release(thread)
}

/** Milliseconds that a message is still held. */
function holdOf({ key, sendAt = 0 }: Outgoing): number {
  return sendAt === 0 ? 0 : sendAt + (held.has(key) ? 0 : GRACE) - Date.now()
}

/** Sends a message again that was refused or is waiting. */
export function retry(key: string): void {
  const message = outbox.peek().find((each) => each.key === key)
  if (!message) return
  clearProblem(key)
  deliver(message.thread)
}

export function discard(key: string): void {
  change((all) => all.filter((each) => each.key !== key))
}

/** Gives a message up, with a way back. */
export function discardWithUndo(message: Outgoing): void {
  discard(message.key)
  const undo = () => {
    change((all) => [...all, message])
    deliver(message.thread)
  }
  say('Discarded', { label: 'Undo', run: undo })
}

/** Takes the messages of a thread along that has another name now. */
export function moveOutgoing(from: string, to: string): void {
  change((all) => all.map((each) => (each.thread === from ? { ...each, thread: to } : each)))
  sendAll()
}

/** Sends the thread's messages in their order, as far as they go. */
async function send(thread: string): Promise<void> {
  let pause = deliveries.get(thread)?.pause ?? FIRST_PAUSE
  while (true) {
    const message = outbox.peek().find((each) => each.thread === thread && !each.isRefused)
    if (!message) break
    const hold = holdOf(message)
    if (hold > 0) {
      const timer = setTimeout(() => deliver(thread), hold)
      deliveries.set(thread, { state: 'paused', pause, timer })
      return
    }
    held.delete(message.key)
    // From now on it may arrive, so it can no longer be changed or discarded.
    if (message.problem !== undefined || message.sendAt) clearProblem(message.key)
    try {
      await sendOne(message)
      pause = FIRST_PAUSE
    } catch (error) {
      const fault = noteFault(error)
      const isRefused = fault.kind === 'refused' || fault.kind === 'read_only'
      change((all) =>
        all.map((each) =>
          each.key === message.key ? { ...each, problem: fault.message, isRefused } : each,
        ),
      )
      if (isRefused) continue
      const timer = setTimeout(() => {
        if (!document.hidden) deliver(thread)
      }, pause)
      deliveries.set(thread, {
        state: 'paused',
        pause: Math.min(pause * 2, LONGEST_PAUSE),
        timer,
      })
      return
    }
  }
  deliveries.delete(thread)
}

async function sendOne(message: Outgoing): Promise<void> {
  const { key, thread, content, to, reply } = message
  const args = {
    thread_name: thread,
    content,
    surface: 'other',
    reader_tag: PERSON,
    idempotency_key: key,
    ...(to && { to }),
    ...(reply && { reply_to: reply.seq }),
  }
  const keepalive = content.length < KEEPALIVE_LIMIT / 3
  const posted = await callTool('relay_post_message', args, undefined, keepalive)
  onPosted(posted.thread_name ?? thread, reply?.seq)
  discard(key)
  addOwn(posted.thread_name ?? thread, {
    seq: posted.seq,
    surface: 'other',
    from: PERSON,
    via: BOARD_NAME,
    content,
    created_at: posted.created_at ?? new Date(relayNow()).toISOString(),
    ...(to && { to }),
    ...(reply && { reply_to: reply.seq }),
  })
  tellTabs('posted')
  lookNow()
}

function clearProblem(of: string): void {
  const clear = ({ problem: _, isRefused: __, sendAt: ___, ...rest }: Outgoing) => rest
  change((all) => all.map((each) => (each.key === of ? clear(each) : each)))
}
