/**
 * Conditions after any calls, in any order: every post that was acknowledged is in
 * its thread, and each reader received every message once, in order.
 */
import { expect } from 'vitest'
import type { TestRelay } from '../../support/relay.ts'
import { type Message, range, seqs } from '../migrations/calls.ts'
import { follow, inThread, over, type Tools } from './callers.ts'
import { type Args, READERS } from './histories.ts'
import type { Outcome } from './interleaving.ts'

/** The thread that there is, and that every reader knows, before the calls. */
const KNOWN = 'a'

const REFUSED = /not found|already exists|already belongs|above the last seq|has no message/

export async function openThread(tools: Tools): Promise<void> {
  await tools.post(KNOWN, 'first')
  await Promise.all(READERS.map((reader) => tools.check(reader, { thread_name: KNOWN })))
}

/** Asserts it all of a relay that openThread has prepared; marks everything as read. */
export async function expectKeptAndGiven(relay: TestRelay, outcomes: Outcome[]): Promise<void> {
  for (const { refused } of outcomes) {
    // To a caller, a deadlock is busy too; on a slow machine a wait for a lock may be too long.
    if (refused?.includes('is busy')) await relay.log(({ reason }) => /^55P03/.test(reason))
    else if (refused) expect(refused).toMatch(REFUSED)
  }

  const tools = over(relay)
  const [{ threads }, ...lists] = await Promise.all(
    [undefined, ...READERS].map((reader_tag) => tools.list({ include_archived: true, reader_tag })),
  )
  for (const { name, message_count } of threads) {
    const messages: Message[] = (await tools.read(name, { limit: 500 })).messages.toReversed()
    const here = outcomes.filter(({ call }) => [undefined, name].includes(call.args.thread_name))
    expect(seqs(messages), `places in ${name}`).toEqual(range(1, message_count))
    expectPosted(messages.slice(name === KNOWN ? 1 : 0), here)
    await Promise.all(
      READERS.map(async (reader, index) => {
        const rest = seqs(await follow(tools, reader, { thread_name: name }))
        expectGiven(reader, name, messages, here, rest)
        const listed = lists[index].threads.find((thread: { name: string }) => thread.name === name)
        // Without a cursor and before the introduction there is no count.
        if (listed.unread_count === undefined) return
        expect(rest, `${reader}'s unread_count of ${name}`).toHaveLength(listed.unread_count)
      }),
    )
  }
}

function expectPosted(messages: Message[], outcomes: Outcome[]): void {
  const posts = outcomes.filter(
    ({ call, refused }) => call.name === 'relay_post_message' && !refused,
  )
  const acknowledged = new Map(posts.map(({ answer }) => [answer.seq, answer.id]))
  expect(messages.map(({ seq, id }) => [seq, id])).toEqual(
    [...acknowledged].toSorted(([a], [b]) => a - b),
  )
  const times = messages.map(({ created_at }) => created_at)
  expect(times).toEqual(times.toSorted())
  expect(new Set(times).size).toBe(times.length)
  for (const earlier of posts) {
    for (const later of posts) {
      if (earlier.answered < later.sent && !later.answer.duplicate) {
        expect(earlier.answer.seq).toBeLessThan(later.answer.seq)
      }
    }
  }
}

function expectGiven(
  reader: string,
  name: string,
  messages: Message[],
  outcomes: Outcome[],
  rest: number[],
): void {
  const own = outcomes.filter(({ call, refused }) => call.args.reader_tag === reader && !refused)
  const checks = own
    .filter(({ call }) => call.name === 'relay_check_new' && !call.args.peek)
    .map(({ answer, ...moments }) => ({
      ...moments,
      places: seqs(inThread(answer.messages, name)),
    }))
  for (const { places } of checks) expect(places).toEqual(places.toSorted((a, b) => a - b))
  for (const earlier of checks) {
    for (const later of checks) {
      if (earlier.answered > later.sent) continue
      for (const place of later.places) {
        expect(Math.max(0, ...earlier.places), `${reader} receives in order`).toBeLessThan(place)
      }
    }
  }

  const given = [...checks.flatMap(({ places }) => places), ...rest]
  const isOwn = ({ call: { name: tool, args } }: Outcome) =>
    tool === 'relay_post_message' && args.to !== reader
  const ownSeqs = own.filter(isOwn).flatMap(({ answer }) => (answer.duplicate ? [] : [answer.seq]))
  expect(
    given.filter((seq) => ownSeqs.includes(seq)),
    `${reader} receives its own posts`,
  ).toEqual([])
  expect(given, `${reader} receives each message once`).toHaveLength(new Set(given).size)
  const passed = own.flatMap(({ call: { name: tool, args }, answer }) => {
    if (tool === 'relay_post_message') return args.to === reader ? [] : [answer.seq]
    if (tool === 'relay_read_thread') return isJoined(args, answer) ? seqs(answer.messages) : []
    return range(1, args.ack_seq ?? 0)
  })
  const seen = new Set([...given, ...passed, ...(name === KNOWN ? [1] : [])])
  const never = seqs(messages).filter((seq) => !seen.has(seq))
  expect(never, `${reader} never received these seqs of ${name}`).toEqual([])
}

/** Whether this was a window that a cursor moves over. */
function isJoined({ thread_name, reader_tag, limit, ...filters }: Args, answer: Outcome['answer']) {
  return Object.keys(filters).length === 0 && answer.unread_older_count === 0
}
