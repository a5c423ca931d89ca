/** Where the messages on their way are kept: in localStorage, which all tabs share. */
import { signal } from '@preact/signals'
import { storage } from '../relay/storage.ts'
import type { Quoted } from './drafts.ts'

export interface Outgoing {
  /** The idempotency key. */
  key: string
  thread: string
  content: string
  to: string
  /** The message that it answers. */
  reply?: Quoted
  /** Until when it is held, in milliseconds. */
  sendAt?: number
  /** Why it was not sent, or is not known to have been; undefined while it is being sent. */
  problem?: string
  /** Whether the relay refused it, so that sending it again changes nothing. */
  isRefused?: boolean
}

const STORE = 'relay-outbox'

export const outbox = signal<Outgoing[]>(load())

/** Whether the messages are in storage, or only in this tab because storage is full or switched off. */
let isShared = true

addEventListener('storage', ({ key }) => {
  if (key === STORE) outbox.value = load()
})

/** Changes the list that all tabs share, not this tab's copy of it. */
export function change(by: (all: Outgoing[]) => Outgoing[]): void {
  const next = by(isShared ? load() : outbox.peek())
  outbox.value = next
  try {
    storage.setItem(STORE, JSON.stringify(next))
  } catch {
    isShared = false
  }
}

function load(): Outgoing[] {
  try {
    const kept = JSON.parse(storage.getItem(STORE) ?? '[]')
    return Array.isArray(kept) ? kept : []
  } catch {
    return []
  }
}
