/** The list of threads and readers, and what changes it; looking.ts keeps it up to date. */
import { batch, computed, signal } from '@preact/signals'
import type { Reader, Thread, ThreadList } from '../relay/types.ts'
import { muted } from './muted.ts'

/** All threads known, latest activity first; undefined until they have been loaded. */
export const threads = signal<Thread[] | undefined>(undefined)

/** Other readers than the person. */
export const readers = signal<Reader[]>([])

/** Threads that the list leaves out; a search by name finds them. */
export const unlisted = signal(0)

/** The threads with messages that the person has not read, without those that are muted. */
export const unreadThreads = computed(() =>
  (threads.value ?? []).filter(
    ({ name, unread_count = 0 }) => unread_count > 0 && !muted.value.has(name),
  ),
)

export const unreadTotal = computed(() =>
  unreadThreads.value.reduce((sum, thread) => sum + (thread.unread_count ?? 0), 0),
)

/** The thread of that name, as last seen. */
export function findThread(name: string): Thread | undefined {
  return threads.value?.find((thread) => thread.name === name)
}

/** Counts the looks that succeeded, and whether the last one saw the whole list. */
export const looks = signal({ count: 0, isWhole: false })

/** A thread as it is, and as it was at the look before, if that saw it. */
export interface Change {
  now: Thread
  before: Thread | undefined
}

type Listener = (changes: Change[]) => void
const listeners = new Set<Listener>()

/** Calls back with the changes since the last look. Returns how to stop. */
export function onChange(listener: Listener): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

export function takeOver(list: ThreadList, known: Thread[], isWhole: boolean): void {
  const before = new Map(known.map((thread) => [thread.name, thread]))
  const changes: Change[] = []
  const listed = list.threads.map((fresh) => {
    const thread = { ...fresh, ...held.get(fresh.name) }
    const old = before.get(thread.name)
    if (isSame(old, thread)) return old as Thread
    changes.push({ now: thread, before: old })
    return thread
  })
  const names = new Set(listed.map(({ name }) => name))
  const rest =
    isWhole || list.remaining_count === 0 ? [] : known.filter(({ name }) => !names.has(name))
  const isFirst = threads.peek() === undefined
  batch(() => {
    if (changes.length > 0 || listed.length + rest.length !== known.length || isFirst) {
      threads.value = [...listed, ...rest]
    }
    if (isWhole) unlisted.value = list.remaining_count
    const others = list.readers ?? []
    if (JSON.stringify(others) !== JSON.stringify(readers.peek())) readers.value = others
  })
  if (changes.length === 0 || isFirst) return
  for (const listener of listeners) listener(changes)
}

/** Puts a change into the list before the relay confirms it. */
export function patchThread(name: string, change: Partial<Thread>): void {
  threads.value = threads
    .peek()
    ?.map((thread) => (thread.name === name ? { ...thread, ...change } : thread))
}

/** Changes of the person's that the relay does not know yet. */
const held = new Map<string, Partial<Thread>>()

/** Shows a change, whatever a list says, until it is let go. */
export function holdThread(name: string, change: Partial<Thread>): void {
  held.set(name, change)
  patchThread(name, change)
}

export function letGoThread(name: string): void {
  held.delete(name)
}

/** Takes a thread out of the list. */
export function dropThread(name: string): void {
  threads.value = threads.peek()?.filter((thread) => thread.name !== name)
}

export function isSame(a: Thread | undefined, b: Thread | undefined): boolean {
  return a !== undefined && JSON.stringify(a) === JSON.stringify(b)
}
