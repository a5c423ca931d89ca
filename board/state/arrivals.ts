/** Notices when a client makes its first call, for somebody who has just connected it. */
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
 * Waits for somebody other than the person to read or post. The relay keeps no list of clients: a reader
 * that is new or seen again, or a message, is how one shows.
 */
export function awaitArrival() {
  const start = relayNow()
  const arrival = signal<Arrival>()
  const known = new Map(readers.peek().map((reader) => [reader.reader_tag, reader.last_seen_at]))
  const stop = effect(() => {
    const reader = readers.value.find(
      ({ reader_tag, last_seen_at }) => last_seen_at !== known.get(reader_tag),
    )
    const thread = threads.value?.find(
      ({ latest, last_message_at }) =>
        latest && !isPerson(latest) && Date.parse(last_message_at ?? '') > start,
    )
    if (arrival.peek() || !(reader || thread)) return
    const name = reader?.reader_tag ?? (thread?.latest ? nameOf(thread.latest) : '')
    arrival.value = { name, surface: thread?.latest?.surface, at: relayNow() }
  })
  return { arrival, stop }
}

/** What to call the client that arrived, as far as can be known. */
export function describeArrival({ name, surface }: Arrival): string {
  if (surface === 'code' || /code/i.test(name)) return 'Claude Code is connected'
  return `${name} is connected`
}
