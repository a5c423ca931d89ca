/**
 * Messages on their way to the relay: shown at once, sent with an idempotency key, and sent again with
 * the same key after a fault, so that each arrives once. They survive a reload.
 */
import { signal } from '@preact/signals'
import { callTool, relayNow } from '../relay/client.ts'
import { BOARD_NAME, PERSON } from '../relay/types.ts'
import { noteFault } from './status.ts'
import { lookNow } from './threads.ts'
import { addOwn } from './transcript.ts'

export interface Outgoing {
  /** The idempotency key. */
  key: string
  thread: string
  content: string
  to: string
  /** Why it was not sent; undefined while it is being sent. */
  problem?: string
}

const STORE = 'relay-outbox'
const RETRY = 5_000

export const outbox = signal<Outgoing[]>(load())

const sending = new Set<string>()

/** Tells this browser's other tabs of a message at once. */
const tabs = new BroadcastChannel('relay-board')

/** Sends what an earlier visit left, and looks when another tab has posted. */
export function followOutbox(): void {
  tabs.onmessage = lookNow
  for (const { key } of outbox.peek()) void send(key)
}

/** Posts a message. */
export function post(thread: string, content: string, to: string): void {
  const key = crypto.randomUUID()
  save([...outbox.peek(), { key, thread, content, to }])
  void send(key)
}

export function retry(key: string): void {
  update(key, undefined)
  void send(key)
}

export function discard(key: string): void {
  save(outbox.peek().filter((each) => each.key !== key))
}

async function send(key: string): Promise<void> {
  const message = outbox.peek().find((each) => each.key === key)
  if (!message || sending.has(key)) return
  sending.add(key)
  try {
    const posted = await callTool('relay_post_message', {
      thread_name: message.thread,
      content: message.content,
      surface: 'other',
      reader_tag: PERSON,
      idempotency_key: key,
      ...(message.to && { to: message.to }),
    })
    discard(key)
    addOwn(posted.thread_name ?? message.thread, {
      seq: posted.seq,
      surface: 'other',
      from: PERSON,
      via: BOARD_NAME,
      content: message.content,
      created_at: posted.created_at ?? new Date(relayNow()).toISOString(),
      ...(message.to && { to: message.to }),
    })
    tabs.postMessage('posted')
    lookNow()
  } catch (error) {
    const fault = noteFault(error)
    update(key, fault.message)
    if (fault.kind === 'offline' || fault.kind === 'failed') setTimeout(() => retry(key), RETRY)
  } finally {
    sending.delete(key)
  }
}

function update(key: string, problem: string | undefined): void {
  save(
    outbox.peek().map((each) => {
      if (each.key !== key) return each
      const { problem: _, ...rest } = each
      return problem === undefined ? rest : { ...rest, problem }
    }),
  )
}

function save(next: Outgoing[]): void {
  outbox.value = next
  try {
    localStorage.setItem(STORE, JSON.stringify(next))
  } catch {
    // Storage is full or switched off: the message is still sent from memory.
  }
}

function load(): Outgoing[] {
  try {
    const kept = JSON.parse(localStorage.getItem(STORE) ?? '[]')
    return Array.isArray(kept) ? kept : []
  } catch {
    return []
  }
}
