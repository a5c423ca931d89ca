/** A long history of calls and deletions by hand, compared with a plain model of the relay. */
import { expect, test } from 'vitest'
import { createTestDatabase } from '../../support/database.ts'
import { type Message, randomNumbers, range, tools } from './calls.ts'

interface Post {
  seq: number
  from: string | undefined
  to: string | undefined
}

interface Thread {
  name: string
  posts: Post[]
  last: number
  archived: boolean
  /** When it was last posted to. */
  active: number
  cursors: Map<string, number>
}

const seqsOf = (posts: Post[]) => posts.map(({ seq }) => seq)

test.each([1, 2, 3])('history %i reads as the rules say', async (seed) => {
  await using database = await createTestDatabase()
  const [relay, owner] = [tools(database), await database.connect('postgres')]
  const random = randomNumbers(seed)
  const threads: Thread[] = []
  const introduced = new Set<string>()
  let clock = 0

  const cursor = (thread: Thread, reader: string) => thread.cursors.get(reader) ?? 0
  const isOwn = ({ from, to }: Post, reader: string) => from === reader && to !== reader
  const above = (thread: Thread, reader: string) =>
    thread.posts.filter(({ seq }) => seq > cursor(thread, reader))
  const unread = (thread: Thread, reader: string) =>
    above(thread, reader).filter((post) => !isOwn(post, reader))
  const move = (thread: Thread, reader: string, seq: number | undefined) => {
    if (seq && seq > cursor(thread, reader)) thread.cursors.set(reader, seq)
  }
  /** Over own posts that join onto the cursor. */
  const stepOver = (thread: Thread, reader: string) => {
    for (const post of above(thread, reader)) {
      if (!isOwn(post, reader)) return
      move(thread, reader, post.seq)
    }
  }
  const byActivity = () => threads.toSorted((a, b) => a.active - b.active)
  const told = (messages: Message[]) => messages.map((m) => [m.thread_name, m.seq])

  function introduce(reader: string) {
    if (introduced.has(reader)) return
    introduced.add(reader)
    if (threads.flatMap(({ posts }) => posts).length <= 20) return
    const recent = byActivity()
      .filter(({ archived }) => !archived)
      .slice(-10)
    for (const thread of threads.filter(({ cursors }) => !cursors.has(reader))) {
      const newest = recent.includes(thread) ? (thread.posts.at(-3)?.seq ?? 0) : thread.last
      const addressed = thread.posts.find(({ to }) => to === reader)
      const start = Math.min(newest, addressed ? addressed.seq - 1 : newest)
      if (start > 0) thread.cursors.set(reader, start)
    }
  }

  async function post(name: string, reader: string | undefined, to: string | undefined) {
    if (reader) introduce(reader)
    let thread = threads.find((candidate) => candidate.name === name)
    const created = !thread
    if (!thread) {
      thread = { name, posts: [], last: 0, archived: false, active: 0, cursors: new Map() }
      threads.push(thread)
    }
    const reopened = thread.archived
    const waiting = reader && unread(thread, reader).length
    thread.last += 1
    thread.posts.push({ seq: thread.last, from: reader, to })
    thread.archived = false
    clock += 1
    thread.active = clock
    if (reader && waiting === 0 && to !== reader) move(thread, reader, thread.last)
    const {
      seq,
      unread_count,
      thread_created = false,
      thread_reopened = false,
    } = await relay.post(name, 'x', { ...(reader && { reader_tag: reader }), ...(to && { to }) })
    expect([seq, thread_created, thread_reopened]).toEqual([thread.last, created, reopened])
    expect(unread_count).toBe(waiting)
  }

  async function check(thread: Thread, reader: string) {
    const [limit, peek] = [1 + random(4), random(3) === 0]
    const ack = random(3) === 0 ? random(thread.last + 1) : undefined
    if (ack) move(thread, reader, thread.posts.findLast(({ seq }) => seq <= ack)?.seq)
    const all = unread(thread, reader)
    const returned = all.slice(0, limit)
    if (!peek) {
      move(thread, reader, returned.at(-1)?.seq)
      if (returned.length > 0 || all.length === 0) stepOver(thread, reader)
    }
    const args = { thread_name: thread.name, limit, peek, ack_seq: ack }
    const answer = await relay.check(reader, args)
    expect(told(answer.messages)).toEqual(seqsOf(returned).map((seq) => [thread.name, seq]))
    expect(answer.remaining_count).toBe(all.length - (peek ? 0 : returned.length))
  }

  async function checkAll(reader: string) {
    const [limit, peek] = [1 + random(30), random(3) === 0]
    const answer = await relay.check(reader, { limit, peek })
    introduce(reader)
    const all = byActivity().flatMap((thread) =>
      unread(thread, reader).map((post) => ({ thread, post })),
    )
    const returned = all.slice(0, limit)
    expect(told(answer.messages)).toEqual(returned.map((m) => [m.thread.name, m.post.seq]))
    expect(answer.remaining_count).toBe(all.length - (peek ? 0 : returned.length))
    if (peek) return
    for (const { thread, post } of returned) move(thread, reader, post.seq)
    for (const thread of threads) stepOver(thread, reader)
  }

  async function read(thread: Thread, reader: string) {
    const limit = 1 + random(6)
    const before = random(2) ? undefined : 1 + random(thread.last + 2)
    const page = await relay.read(thread.name, { limit, before_seq: before, reader_tag: reader })
    const below = thread.posts.filter(({ seq }) => seq < (before ?? Number.POSITIVE_INFINITY))
    const returned = below.slice(-limit)
    expect(page.messages.map(({ seq }: Message) => seq)).toEqual(seqsOf(returned).toReversed())
    expect(page.older_count).toBe(below.length - returned.length)
    const start = returned[0]?.seq ?? before ?? Number.POSITIVE_INFINITY
    const older = unread(thread, reader).filter(({ seq }) => seq < start)
    expect(page.unread_older_count).toBe(older.length)
    if (!before && older.length === 0) move(thread, reader, returned.at(-1)?.seq)
  }

  async function list(reader: string) {
    const { threads: listed } = await relay.list({ reader_tag: reader, include_archived: true })
    const isKnown = (thread: Thread) => introduced.has(reader) || thread.cursors.has(reader)
    expect(
      listed.map((t: { name: string; message_count: number; unread_count: number }) => [
        t.name,
        t.message_count,
        t.unread_count,
      ]),
    ).toEqual(
      byActivity()
        .toReversed()
        .map((thread) => [
          thread.name,
          thread.posts.length,
          isKnown(thread) ? unread(thread, reader).length : undefined,
        ]),
    )
  }

  async function remove(thread: Thread) {
    const removed = range(0, random(3)).map(() =>
      random(2) ? thread.last : 1 + random(thread.last),
    )
    thread.posts = thread.posts.filter(({ seq }) => !removed.includes(seq))
    await owner.query(
      `delete from relay_messages m using relay_threads t
      where t.id = thread_id and name = $1 and seq = any ($2)`,
      [thread.name, removed],
    )
  }

  for (const n of range(0, 3)) await post(`thread ${n}`, undefined, undefined)
  for (const _ of range(1, 400)) {
    const thread = threads[random(threads.length)] as Thread
    const reader = `reader ${random(4)}`
    const what = random(20)
    if (what < 8) {
      const to = random(4) === 0 ? `reader ${random(4)}` : undefined
      await post(`thread ${random(14)}`, what < 5 ? reader : undefined, to)
    } else if (what < 11) await check(thread, reader)
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
