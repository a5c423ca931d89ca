/** The promise through the whole server, on parallel connections: nothing lost, repeated, out of order. */
import { expect, test } from 'vitest'
import { createTestRelay } from '../../support/relay.ts'
import { type Message, range, seqs, together } from '../migrations/calls.ts'
import { expectAll, follow, inThread, isSorted, over, type Posted, stateOf } from './callers.ts'

test.each([1, 3])('8 writers and %i polling readers: all there, once, in order', async (count) => {
  await using relay = await createTestRelay()
  const tools = over(relay)
  await tools.create('busy')
  const writing = together(8, async (n) => {
    const posted: Posted[] = []
    for (const m of range(1, 250)) posted.push(await tools.post('busy', `${n} ${m}`))
    return posted
  })
  const readers = await together(count, (n) =>
    follow(tools, `reader ${n}`, { thread_name: 'busy' }, writing),
  )
  const writers = await writing
  for (const messages of readers) {
    expectAll(messages, writers.flat())
    expect(seqs(messages)).toEqual(range(1, 2000))
  }
  for (const posted of writers) {
    expect(posted.map(({ seq }) => seq)).toEqual(posted.map(({ seq }) => seq).toSorted(ascending))
  }
})

test.each([
  ['one thread', { thread_name: '0' }],
  ['all threads', {}],
])('callers who share a reader tag over %s never both get a message', async (_, args) => {
  await using relay = await createTestRelay()
  const tools = over(relay)
  await tools.post('0', 'first')
  await tools.check('shared')
  const writing = together(5, async (n) => {
    const posted: Posted[] = []
    for (const m of range(1, 40)) {
      const thread = 'thread_name' in args ? '0' : `${(n + m) % 5}`
      posted.push(await tools.post(thread, `${n} ${m}`))
    }
    return posted
  })
  const callers = await together(6, () => follow(tools, 'shared', { ...args, limit: 7 }, writing))
  for (const messages of callers) {
    for (const name of '01234') expect(isSorted(inThread(messages, name))).toBe(true)
  }
  // Two callers' answers may arrive in another order than they were made.
  expectAll(
    callers.flat().toSorted((a, b) => a.seq - b.seq),
    (await writing).flat(),
  )
})

test('callers who share a tag, post under it and check one thread or all get the rest once', async () => {
  await using relay = await createTestRelay()
  const tools = over(relay)
  for (const name of ['a', 'b']) await tools.post(name, 'first')
  await tools.check('ci')
  const writing = together(6, async (n) => {
    const posted: Posted[] = []
    for (const m of range(1, 40)) {
      const isOwn = n < 2
      const args = isOwn ? { reader_tag: 'ci' } : {}
      const message = await tools.post((n + m) % 2 ? 'a' : 'b', `${n} ${m}`, args)
      if (!isOwn) posted.push(message)
    }
    return posted
  })
  const callers = await Promise.all(
    [{}, { thread_name: 'a' }, { thread_name: 'b', limit: 3 }, { limit: 3 }].map((args) =>
      follow(tools, 'ci', args, writing),
    ),
  )
  const all = callers.flat().toSorted((a, b) => a.seq - b.seq)
  expect(new Set(all.map(({ id }) => id)).size).toBe(all.length)
  expectAll(
    all.filter(({ content }) => !/^[01] /.test(content)),
    (await writing).flat(),
  )
})

test('readers who come while others write miss nothing after their introduction', async () => {
  await using relay = await createTestRelay()
  const tools = over(relay)
  for (const n of range(1, 5)) await tools.post('busy', `early ${n}`)
  const writing = together(6, async (n) => {
    for (const m of range(1, 30)) await tools.post('busy', `${n} ${m}`)
  })
  const state = stateOf(writing)
  const introductions: Message[][] = []
  do {
    const answer = await tools.check(`newcomer ${introductions.length}`)
    expect(answer.new_reader).toBe(true)
    introductions.push(answer.messages)
  } while (!state.ended)
  await writing
  for (const [n, introduction] of introductions.entries()) {
    if (n % 5 > 0) continue
    const rest = await follow(tools, `newcomer ${n}`, { limit: 500 })
    const places = seqs([...introduction, ...rest])
    expect(places).toEqual(range(places[0] ?? 0, 185))
  }
})

test('100 names, each posted to first by 8 at once: one thread and eight messages each', async () => {
  await using relay = await createTestRelay()
  const tools = over(relay)
  for (const n of range(1, 100)) {
    const posted = await together(8, (caller) => tools.post(`name ${n}`, `${caller}`))
    expect(posted.filter(({ thread_created }) => thread_created)).toHaveLength(1)
    expect(new Set(posted.map(({ thread_id }) => thread_id)).size).toBe(1)
    expect(posted.map(({ seq }) => seq).toSorted(ascending)).toEqual(range(1, 8))
  }
  const { threads } = await tools.list({ limit: 500 })
  expect(threads).toHaveLength(100)
  expect(new Set(threads.map((thread: Counted) => thread.message_count))).toEqual(new Set([8]))
})

test('posts with one idempotency key by 8 at once are one message', async () => {
  await using relay = await createTestRelay()
  const tools = over(relay)
  const first: Posted[] = []
  for (const n of range(1, 60)) {
    const args = { idempotency_key: `key ${n}` }
    const posted = await together(8, () => tools.post(`${n % 6}`, `${n}`, args))
    expect(new Set(posted.map(({ id, seq }) => `${id} ${seq}`)).size).toBe(1)
    expect(posted.filter(({ duplicate }) => duplicate)).toHaveLength(7)
    first.push(...posted.filter(({ duplicate }) => !duplicate))
  }
  const messages = await together(6, (n) => follow(tools, 'r', { thread_name: `${n}` }))
  expectAll(messages.flat(), first)
})

test('of different posts with one idempotency key at once, one is posted and its answer says so', async () => {
  await using relay = await createTestRelay()
  const tools = over(relay)
  const posted: Posted[] = []
  for (const n of range(1, 20)) {
    const args = { idempotency_key: `key ${n}` }
    const outcomes = await Promise.allSettled(
      range(1, 8).map((caller) => tools.post('keys', `${n} ${caller}`, args)),
    )
    const won = outcomes.filter((outcome) => outcome.status === 'fulfilled')
    expect(won).toHaveLength(1)
    posted.push(...won.map(({ value }) => value))
  }
  expectAll(await follow(tools, 'r', { thread_name: 'keys' }), posted)
})

test('archived, reopened and posted to at once, a thread keeps and returns every message', async () => {
  await using relay = await createTestRelay()
  const tools = over(relay)
  await tools.post('done', 'first')
  for (const reader of ['one', 'all']) await tools.check(reader, { thread_name: 'done' })
  const writing = together(9, async (n) => {
    const posted: Posted[] = []
    for (const m of range(1, 50)) {
      if (n % 3 === 0) await tools.archive('done')
      else if (n % 3 === 1) await tools.archive('done', false)
      else posted.push(await tools.post('done', `${n} ${m}`))
    }
    return posted
  })
  const [one, all] = await Promise.all([
    follow(tools, 'one', { thread_name: 'done' }, writing),
    follow(tools, 'all', {}, writing),
  ])
  const posted = (await writing).flat()
  expectAll(one, posted)
  expectAll(all, posted)
  await tools.archive('done')
  expect(await tools.post('done', 'last')).toMatchObject({ seq: 152, thread_reopened: true })
  expect((await tools.list()).threads).toMatchObject([{ archived: false, message_count: 152 }])
})

interface Counted {
  message_count: number
}

const ascending = (a: number, b: number) => a - b
