/** Notices when a client makes its first call, for the person who has just connected it. */
import { effect, signal } from '@preact/signals'
import { relayNow } from '../relay/client.ts'
import { isPerson, nameOf, type Surface } from '../relay/types.ts'
import { readers, threads } from './threads.ts'

export interface Arrival {
  name: string
  surface: Surface | undefined
  /** When it was seen, in milliseconds at the relay. */
  at: number
}

/**
 * Waits for anyone but the person to read or post. The relay keeps no list of clients: one
 * shows as a new reader, a reader seen again, or a message.
 */
export function awaitArrival() {
  const start = relayNow()
  const arrival = signal<Arrival>()
  let known: Map<string, string | undefined> | undefined
  const stop = effect(() => {
    const all = readers.value
    const list = threads.value
    if (list === undefined || arrival.peek()) return
    known ??= new Map(all.map((reader) => [reader.reader_tag, reader.last_seen_at]))
    const before = known
    const reader = all.find(
      ({ reader_tag, last_seen_at }) => last_seen_at !== before.get(reader_tag),
    )
    const latest = list.find(
      (thread) =>
        thread.latest &&
        !isPerson(thread.latest) &&
        Date.parse(thread.last_message_at ?? '') > start,
    )?.latest
    if (!reader && !latest) return
    const name = reader?.reader_tag ?? (latest ? nameOf(latest) : '')
    arrival.value = { name, surface: latest?.surface, at: relayNow() }
  })
  return { arrival, stop }
}

/** The name of the client that arrived, as far as it is known. */
export function describeArrival({ name, surface }: Arrival): string {
  if (surface === 'code' || /code/i.test(name)) return 'Claude Code is connected'
  return `${name} is connected`
}
