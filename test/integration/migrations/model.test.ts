/** A long history of calls and deletions by hand, held against a plain model of the relay. */
import { expect, test } from 'vitest'
import { createTestDatabase } from '../../support/database.ts'
import { type Message, randomNumbers, range, tools } from './calls.ts'

interface Thread {
  name: string
  places: number[]
  last: number
  archived: boolean
  /** When it was last posted to. */
  active: number
  cursors: Map<string, number>
}

test.each([1, 2, 3])('history %i reads as the rules say', async (seed) => {
  await using database = await createTestDatabase()
  const [relay, owner] = [tools(database), await database.connect('postgres')]
  const random = randomNumbers(seed)
  const threads: Thread[] = []
  let clock = 0

  const unread = (thread: Thread, reader: string) =>
    thread.places.filter((place) => place > (thread.cursors.get(reader) ?? 0))
  const known = (reader: string) => threads.some(({ cursors }) => cursors.has(reader))
  const move = (thread: Thread, reader: string, place: number | undefined) => {
    if (place && place > (thread.cursors.get(reader) ?? 0)) thread.cursors.set(reader, place)
  }
  const byActivity = () => threads.toSorted((a, b) => a.active - b.active)
  const told = (messages: Message[]) => messages.map((m) => [m.thread_name, m.seq])
  const named = (thread: Thread, places: number[]) => places.map((place) => [thread.name, place])

  async function post(name: string, reader: string | undefined) {
    let thread = threads.find((candidate) => candidate.name === name)
    const created = !thread
    if (!thread) {
      thread = { name, places: [], last: 0, archived: false, active: 0, cursors: new Map() }
      threads.push(thread)
    }
    const reopened = thread.archived
    const alone = reader && unread(thread, reader).length === 0
    thread.last += 1
    thread.places.push(thread.last)
    thread.archived = false
    clock += 1
    thread.active = clock
    if (reader && alone) move(thread, reader, thread.last)
    const {
      seq,
      thread_created = false,
      thread_reopened = false,
    } = await relay.post(name, 'x', reader ? { reader_tag: reader } : {})
    expect([seq, thread_created, thread_reopened]).toEqual([thread.last, created, reopened])
  }

  async function check(thread: Thread, reader: string) {
    const [limit, peek] = [1 + random(4), random(3) === 0]
    const ack = random(3) === 0 ? random(thread.last + 1) : undefined
    move(thread, reader, ack)
    const all = unread(thread, reader)
    const returned = all.slice(0, limit)
    if (!peek) move(thread, reader, returned.at(-1))
    const args = { thread_name: thread.name, limit, peek, ack_seq: ack }
    const answer = await relay.check(reader, args)
    expect(told(answer.messages)).toEqual(named(thread, returned))
    expect(answer.remaining_count).toBe(all.length - (peek ? 0 : returned.length))
  }

  async function checkAll(reader: string) {
    const [limit, peek] = [1 + random(30), random(3) === 0]
    const answer = await relay.check(reader, { limit, peek })
    if (!known(reader)) {
      expect(answer.messages.length).toBeLessThanOrEqual(Math.min(limit, 20))
      const count = threads.filter((t) => !t.archived).flatMap((t) => t.places).length
      expect(answer.messages).toHaveLength(Math.min(limit, 20, count))
      // What each thread shows of itself are its newest.
      for (const thread of threads) {
        const shown = answer.messages.filter((m: Message) => m.thread_name === thread.name)
        const newest = shown.length ? thread.places.slice(-shown.length) : []
        expect(told(shown)).toEqual(named(thread, newest))
        if (count > 0 && !peek) thread.cursors.set(reader, thread.last)
      }
      return
    }
    const waiting = byActivity().filter(({ archived, cursors }) => !archived || cursors.has(reader))
    const all = waiting.flatMap((thread) =>
      unread(thread, reader).map((place) => ({ thread, place })),
    )
    const returned = all.slice(0, limit)
    expect(told(answer.messages)).toEqual(returned.map((m) => [m.thread.name, m.place]))
    expect(answer.remaining_count).toBe(all.length - (peek ? 0 : returned.length))
    if (!peek) for (const { thread, place } of returned) move(thread, reader, place)
  }

  async function read(thread: Thread, reader: string) {
    const limit = 1 + random(6)
    const before = random(2) ? undefined : 1 + random(thread.last + 2)
    const page = await relay.read(thread.name, { limit, before_seq: before, reader_tag: reader })
    const below = thread.places.filter((place) => place < (before ?? Number.POSITIVE_INFINITY))
    const returned = below.slice(-limit)
    expect(page.messages.map(({ seq }: Message) => seq)).toEqual(returned.toReversed())
    expect(page.older_count).toBe(below.length - returned.length)
    const skipped = unread(thread, reader).filter((place) => below.includes(place))
    const older = skipped.filter((place) => place < (returned[0] ?? Number.POSITIVE_INFINITY))
    expect(page.unread_older_count).toBe(older.length)
    if (!before && older.length === 0) move(thread, reader, returned.at(-1))
  }

  async function list(reader: string) {
    const { threads: listed } = await relay.list({ reader_tag: reader, include_archived: true })
    expect(
      listed.map((t: { name: string; message_count: number; unread_count: number }) => [
        t.name,
        t.message_count,
        t.unread_count,
      ]),
    ).toEqual(
      byActivity()
        .toReversed()
        .map((thread) => [thread.name, thread.places.length, unread(thread, reader).length]),
    )
  }

  async function remove(thread: Thread) {
    const places = range(0, random(3)).map(() =>
      random(2) ? thread.last : 1 + random(thread.last),
    )
    thread.places = thread.places.filter((place) => !places.includes(place))
    await owner.query(
      `delete from relay_messages m using relay_threads t
      where t.id = thread_id and name = $1 and seq = any ($2)`,
      [thread.name, places],
    )
  }

  for (const n of range(0, 3)) await post(`thread ${n}`, undefined)
  for (const _ of range(1, 400)) {
    const thread = threads[random(threads.length)] as Thread
    const reader = `reader ${random(4)}`
    const what = random(20)
    if (what < 8) await post(`thread ${random(7)}`, what < 3 ? reader : undefined)
    else if (what < 11) await check(thread, reader)
    else if (what < 14) await checkAll(reader)
    else if (what < 16) await read(thread, reader)
    else if (what < 17) await list(reader)
    else if (what < 19) await remove(thread)
    else {
      thread.archived = random(2) === 0
      await relay.archive(thread.name, { archived: thread.archived })
    }
  }
})
