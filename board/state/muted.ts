/** Threads that the person has muted in this browser: what is unread there is not counted. */
import { signal } from '@preact/signals'
import { storage } from '../relay/storage.ts'
import { say } from './status.ts'

const STORE = 'relay-muted'

export const muted = signal<ReadonlySet<string>>(load())

addEventListener('storage', ({ key }) => {
  if (key === STORE) muted.value = load()
})

export function toggleMuted(name: string): void {
  const next = new Set(muted.peek())
  const isMuted = !next.delete(name)
  if (isMuted) next.add(name)
  save(next)
  const undo = { label: 'Undo', run: () => toggleMuted(name) }
  say(
    isMuted
      ? `${name} is muted: what is unread there is not counted`
      : `${name} is no longer muted`,
    undo,
  )
}

/** Takes the choice along when a thread gets another name; without one, it is forgotten. */
export function moveMuted(from: string, to?: string): void {
  const next = new Set(muted.peek())
  if (!next.delete(from)) return
  if (to !== undefined) next.add(to)
  save(next)
}

function save(next: ReadonlySet<string>): void {
  muted.value = next
  storage.setItem(STORE, JSON.stringify([...next]))
}

function load(): Set<string> {
  try {
    return new Set(JSON.parse(storage.getItem(STORE) ?? '[]'))
  } catch {
    return new Set()
  }
}
