/** One reader receives every message, through the whole server, while others post: once, in order. */
import { expect, test } from 'vitest'
import { createTestRelay } from '../../support/relay.ts'
import { bulk, type Message, range, seqs, together } from '../migrations/calls.ts'
import { callAndLeave, expectAll, follow, over, type Posted, stateOf } from './callers.ts'

test('a bounded read skips nothing it has not shown, and checks continue from there', async () => {
  await using relay = await createTestRelay()
  const tools = over(relay)
  for (const n of range(1, 30)) await tools.post('busy', `${n}`)
  const writing = together(4, async (n) => {
    for (const m of range(1, 80)) await tools.post('busy', `${n} ${m}`)
  })
  const state = stateOf(writing)
  const outcomes = { joined: 0, apart: 0 }
  // How much is read at a time decides whether a window reaches back to the cursor.
  await together(3, async (reader) => {
    let cursor = 0
    let last = false
    for (let round = 0; !last || cursor < 350; round += 1) {
      last = state.ended
      const args = { reader_tag: `reader ${reader}` }
      const page = await tools.read('busy', { ...args, limit: [4, 10, 60][(reader + round) % 3] })
      const [newest, oldest] = [page.messages[0].seq, page.messages.at(-1).seq]
      expect(seqs(page.messages)).toEqual(range(oldest, newest).toReversed())
      expect(page.unread_older_count).toBe(Math.max(0, oldest - 1 - cursor))
      if (oldest <= cursor + 1) cursor = Math.max(cursor, newest)
      outcomes[oldest <= cursor + 1 ? 'joined' : 'apart'] += 1
      const news = await tools.check(args.reader_tag, { thread_name: 'busy', limit: 9 })
      expect(seqs(news.messages)).toEqual(range(cursor + 1, cursor + news.new_message_count))
      cursor += news.new_message_count
    }
    expect(cursor).toBe(350)
  })
  await writing
  expect(Math.min(outcomes.joined, outcomes.apart)).toBeGreaterThan(0)
})

test('a new reader gets a backlog of 2,500, and later posts', async () => {
  await using relay = await createTestRelay()
  const tools = over(relay)
  await tools.create('long')
  const owner = relay.database.pool(1, 'postgres')
  const client = await owner.connect()
  await bulk(client as never, 'long', 2500)
  client.release()
  expect((await tools.list()).threads).toMatchObject([{ message_count: 2500 }])
  expect(await tools.check('peeking', { thread_name: 'long', peek: true })).toMatchObject({
    new_message_count: 100,
    remaining_count: 2500,
  })
  const writing = together(4, async (n) => {
    for (const m of range(1, 50)) await tools.post('long', `${n} ${m}`)
  })
  const readers = await Promise.all(
    [{}, { limit: 37 }, { limit: 500 }].map((args, n) =>
      follow(tools, `reader ${n}`, { thread_name: 'long', ...args }, writing),
    ),
  )
  for (const messages of readers) expect(seqs(messages)).toEqual(range(1, 2700))
  const pages: number[] = []
  for (let before: number | undefined = 2701; before; ) {
    const page = await tools.read('long', { limit: 500, before_seq: before })
    pages.push(...seqs(page.messages))
    before = page.next_before_seq
  }
  expect(pages.toReversed()).toEqual(range(1, 2700))
})

test('peek and ack_seq hand over everything once, whatever answers are lost', async () => {
  await using relay = await createTestRelay()
  const tools = over(relay)
  await tools.create('busy')
  const writing = together(4, async (n) => {
    const posted: Posted[] = []
    for (const m of range(1, 75)) posted.push(await tools.post('busy', `${n} ${m}`))
    return posted
  })
  const state = stateOf(writing)
  const handled: Message[] = []
  for (let round = 0, last = false; !last || handled.length < 300; round += 1) {
    last = state.ended
    const args = { thread_name: 'busy', peek: true, limit: 6, ack_seq: handled.at(-1)?.seq ?? null }
    const lost = (['at once', 'when answered', undefined] as const)[round % 3]
    if (lost) await callAndLeave(relay, 'relay_check_new', { ...args, reader_tag: 'r' }, lost)
    handled.push(...(await tools.check('r', args)).messages)
  }
  expectAll(handled, await writing.then((posted) => posted.flat()))
  const end = { thread_name: 'busy', ack_seq: 300 }
  expect(await tools.check('r', end)).toMatchObject({ new_message_count: 0, remaining_count: 0 })
})
