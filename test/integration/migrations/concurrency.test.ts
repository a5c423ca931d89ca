/** The promise under load: nothing lost, nothing repeated, nothing out of order, on parallel connections. */
import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { randomNumbers } from '../../support/random.ts'
import {
  drain,
  fill,
  type Message,
  over,
  range,
  seqs,
  type Tools,
  together,
  tools,
} from './calls.ts'
import { legacyWorker } from './legacy.ts'

/** Tools over a connection of its own. */
const alone = async (database: TestDatabase) => tools(over(await database.connect()))

/** Calls `work` again and again until `until` has ended, and once more. */
async function whilst(until: Promise<unknown>, work: () => Promise<unknown>): Promise<void> {
  let running = true
  const ended = until.finally(() => {
    running = false
  })
  try {
    while (running) await work()
  } finally {
    await ended
  }
  await work()
}

test.each([1, 3])('8 writers and %i polling readers: all there, once, in order', async (count) => {
  await using database = await createTestDatabase()
  await (await alone(database)).create('busy')
  const writing = together(8, async (n) => {
    const relay = await alone(database)
    for (const m of range(1, 250)) await relay.post('busy', `${n} ${m}`)
  })
  const readers = await together(count, async (n) => {
    const relay = await alone(database)
    const messages: Message[] = []
    await whilst(writing, async () => {
      messages.push(...(await relay.check(`reader ${n}`, { thread_name: 'busy' })).messages)
    })
    return [...messages, ...(await drain(relay, `reader ${n}`, { thread_name: 'busy' }))]
  })
  for (const messages of readers) {
    expect(seqs(messages)).toEqual(range(1, 2000))
    for (const n of range(0, 7)) {
      const ofWriter = messages.filter(({ content }) => content.startsWith(`${n} `))
      expect(ofWriter.map(({ content }) => content)).toEqual(range(1, 250).map((m) => `${n} ${m}`))
    }
  }
})

test('readers of all threads get the posts of 8 writers into 10 threads, once and in order', async () => {
  await using database = await createTestDatabase()
  const relay = await alone(database)
  await relay.post('0')
  for (const n of range(0, 2)) await relay.check(`reader ${n}`)
  const writing = together(8, async (n) => {
    const writer = await alone(database)
    for (const m of range(1, 100)) await writer.post(`${(n + m) % 10}`, `${n} ${m}`)
  })
  const readers = await together(3, async (n) => {
    const reader = await alone(database)
    const messages: Message[] = []
    await whilst(writing, async () => {
      messages.push(...(await reader.check(`reader ${n}`, { limit: 30 })).messages)
    })
    return [...messages, ...(await drain(reader, `reader ${n}`))]
  })
  for (const messages of readers) {
    expect(messages).toHaveLength(800)
    for (const name of range(0, 9)) {
      const inThread = messages.filter((m) => m.thread_name === `${name}`)
      const first = name === 0 ? 2 : 1
      expect(seqs(inThread)).toEqual(range(first, inThread.length + first - 1))
    }
  }
})

test.each([
  ['one thread', { thread_name: '0' }],
  ['all threads', {}],
])('callers who share a reader tag over %s never both get a message', async (_, args) => {
  await using database = await createTestDatabase()
  const relay = await alone(database)
  await relay.post('0', 'first')
  await relay.check('shared')
  const writing = together(5, async (n) => {
    const writer = await alone(database)
    for (const m of range(1, 80))
      await writer.post('thread_name' in args ? '0' : `${m % 5}`, `${n}`)
  })
  const callers = await together(8, async () => {
    const caller = await alone(database)
    const messages: Message[] = []
    await whilst(writing, async () => {
      messages.push(...(await caller.check('shared', { ...args, limit: 7 })).messages)
    })
    return messages
  })
  const all = [...callers.flat(), ...(await drain(relay, 'shared', args))]
  expect(all).toHaveLength(400)
  expect(new Set(all.map(({ id }) => id)).size).toBe(400)
  for (const messages of callers) {
    for (const name of range(0, 4)) {
      const places = seqs(messages.filter((m) => m.thread_name === `${name}`))
      expect(places).toEqual(places.toSorted((a, b) => a - b))
    }
  }
})

test('a reader who checks one thread here, all there, and posts, gets the rest once', async () => {
  await using database = await createTestDatabase()
  const relay = await alone(database)
  for (const name of ['a', 'b']) await relay.post(name, 'theirs')
  await relay.check('ci')
  const writing = together(6, async (n) => {
    const writer = await alone(database)
    const own = n < 2
    for (const m of range(1, 60)) {
      const args = own ? { reader_tag: 'ci' } : {}
      await writer.post(m % 2 ? 'a' : 'b', own ? 'mine' : 'theirs', args)
    }
  })
  const callers = await together(4, async (n) => {
    const caller = await alone(database)
    const messages: Message[] = []
    const args = [{}, { thread_name: 'a' }, { thread_name: 'b' }, { limit: 3 }][n]
    await whilst(writing, async () => {
      messages.push(...(await caller.check('ci', args)).messages)
    })
    return messages
  })
  const all = [...callers.flat(), ...(await drain(relay, 'ci'))]
  expect(new Set(all.map(({ id }) => id)).size).toBe(all.length)
  expect(all.filter(({ content }) => content === 'theirs')).toHaveLength(240)
})

test('a reader who comes while others write misses nothing after its introduction', async () => {
  await using database = await createTestDatabase()
  const relay = await alone(database)
  await fill(relay, 'busy', 5)
  const writing = together(6, async () => {
    const writer = await alone(database)
    for (const _ of range(1, 60)) await writer.post('busy')
  })
  const newcomers: Message[][] = []
  const caller = await alone(database)
  await whilst(writing, async () => {
    newcomers.push((await caller.check(`newcomer ${newcomers.length}`)).messages)
  })
  expect(newcomers.length).toBeGreaterThan(0)
  for (const [n, introduction] of newcomers.entries()) {
    const places = seqs([...introduction, ...(await drain(relay, `newcomer ${n}`, { limit: 500 }))])
    expect(places).toEqual(range(places[0] ?? 0, 365))
  }
})

test('created_at never runs backwards in a thread, and the counts are those of the rows', async () => {
  await using database = await createTestDatabase()
  const owner = await database.connect('postgres')
  await together(16, async (n) => {
    const relay = await alone(database)
    for (const m of range(1, 60)) await relay.post(`${(n + m) % 3}`)
  })
  const { rows } = await owner.query(
    `select count(*)::int as messages, count(*) filter (where created_at < before)::int as backwards,
      count(*) filter (where seq <> place)::int as misplaced
    from (select created_at, seq,
        lag(created_at) over (partition by thread_id order by seq) as before,
        row_number() over (partition by thread_id order by seq) as place
      from relay_messages) m`,
  )
  expect(rows).toEqual([{ messages: 960, backwards: 0, misplaced: 0 }])
  const wrong = await owner.query(
    `select from relay_threads t join lateral (
      select count(*) as count, max(seq) as seq, max(created_at) as at
      from relay_messages where thread_id = t.id) m on true
    where (t.message_count, t.last_seq, t.last_message_at) is distinct from (m.count, m.seq, m.at)`,
  )
  expect(wrong.rows).toHaveLength(0)
})

test('100 names, each posted to first by 8 at once: one thread and eight messages each', async () => {
  await using database = await createTestDatabase()
  const posters = await together(8, () => alone(database))
  const created: number[] = []
  for (const n of range(1, 100)) {
    const posts = await Promise.all(posters.map((relay) => relay.post(`name ${n}`)))
    created.push(posts.filter(({ thread_created }) => thread_created).length)
    expect(seqs(posts).toSorted()).toEqual(range(1, 8))
  }
  expect(created).toEqual(range(1, 100).map(() => 1))
  expect(await tools(database).status()).toMatchObject({ thread_count: 100, message_count: 800 })
})

test('a name created by 8 at once is created by one of them', async () => {
  await using database = await createTestDatabase()
  const creators = await together(8, () => alone(database))
  for (const n of range(1, 20)) {
    const outcomes = await Promise.allSettled(creators.map((relay) => relay.create(`name ${n}`)))
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected')
    expect(refused).toHaveLength(7)
    for (const { reason } of refused) expect(reason).toMatchObject({ code: 'RL002' })
  }
})

test.each([
  ['idempotency key', (n: number) => ({ idempotency_key: `key ${n}` })],
  ['message id', (_: number, id: string) => ({ message_id: id })],
])('posts with one %s by 8 at once are one message', async (_, args) => {
  await using database = await createTestDatabase()
  const posters = await together(8, () => alone(database))
  for (const n of range(1, 100)) {
    const id = randomUUID()
    const thread = `${n % 10}`
    const posts = await Promise.all(posters.map((relay) => relay.post(thread, `${n}`, args(n, id))))
    expect(new Set(posts.map((post) => post.id)).size).toBe(1)
    expect(new Set(seqs(posts)).size).toBe(1)
  }
  expect(await tools(database).status()).toMatchObject({ thread_count: 10, message_count: 100 })
})

test('archived, restored and posted to at once, a thread keeps every message', async () => {
  await using database = await createTestDatabase()
  const relay = await alone(database)
  await relay.post('done')
  let reopened = 0
  let archived = 0
  await together(9, async (n) => {
    const caller = await alone(database)
    for (const _ of range(1, 60)) {
      if (n % 3 === 0) {
        await caller.archive('done')
        archived += 1
      } else if (n % 3 === 1) {
        await caller.archive('done', { archived: false })
      } else {
        const post = await caller.post('done')
        if (post.thread_reopened) reopened += 1
      }
    }
  })
  expect(reopened).toBeLessThanOrEqual(archived)
  await relay.archive('done')
  expect(await relay.post('done')).toMatchObject({ seq: 182, thread_reopened: true })
  expect(seqs(await drain(relay, 'ci', { thread_name: 'done' }))).toEqual(range(1, 182))
})

test('counts agree with the messages they come with, while others post', async () => {
  await using database = await createTestDatabase()
  await fill(await alone(database), 'busy', 10)
  await tools(database).check('all')
  const writing = together(4, async () => {
    const writer = await alone(database)
    for (const _ of range(1, 250)) await writer.post('busy')
  })
  const thread = { thread_name: 'busy' }
  const peeking = [thread, {}].map(async (args) => {
    const reader = await alone(database)
    await whilst(writing, async () => {
      await reader.check('all', { ...args, limit: 500 })
      const peek = await reader.check('all', { ...args, limit: 500, peek: true })
      expect(peek.remaining_count).toBe(peek.messages.length)
    })
  })
  const reading = [1, 2].map(async (n) => {
    const reader = await alone(database)
    let read = 0
    await whilst(writing, async () => {
      const answer = await reader.check(`reader ${n}`, { ...thread, limit: n })
      expect(answer.new_message_count).toBe(answer.messages.length)
      read = answer.messages.at(-1)?.seq ?? read
      const page = await reader.read('busy', { limit: 5 })
      expect(page.messages.length + page.older_count).toBe(page.messages[0].seq)
      expect(read + answer.remaining_count).toBeLessThanOrEqual(page.messages[0].seq)
      const { threads } = await reader.list({ reader_tag: `reader ${n}` })
      expect(threads[0].message_count).toBe(threads[0].unread_count + read)
    })
  })
  await Promise.all([...peeking, ...reading])
})

test('counts stay true while messages are deleted by hand', async () => {
  await using database = await createTestDatabase()
  const relay = await alone(database)
  await fill(relay, 'busy', 10)
  await relay.check('all')
  const owner = await database.connect('postgres')
  const writing = together(5, async (n) => {
    const writer = await alone(database)
    for (const m of range(1, 60)) {
      if (n > 0) await writer.post('busy')
      else await owner.query('delete from relay_messages where seq % 7 = $1', [m % 7])
    }
  })
  const reader = await alone(database)
  await whilst(writing, async () => {
    for (const args of [{ thread_name: 'busy', limit: 3 }, { limit: 3 }]) {
      const answer = await reader.check('all', args)
      expect(answer.remaining_count).toBeGreaterThanOrEqual(0)
    }
    const page = await reader.read('busy', { limit: 3, reader_tag: 'page' })
    expect(page.older_count).toBeGreaterThanOrEqual(0)
  })
  expect((await drain(relay, 'all')).length).toBeLessThan(250)
  const { rows } = await owner.query('select count(*)::int as message_count from relay_messages')
  expect((await relay.list({ reader_tag: 'all' })).threads).toMatchObject([
    { ...rows[0], unread_count: 0 },
  ])
  await expect(relay.check('all')).resolves.toMatchObject({ remaining_count: 0 })
})

test('reading with a reader tag never skips a message it has not shown', async () => {
  await using database = await createTestDatabase()
  const relay = await alone(database)
  await fill(relay, 'busy', 10)
  const writing = together(6, async () => {
    const writer = await alone(database)
    for (const _ of range(1, 80)) await writer.post('busy')
  })
  const shown = await together(3, async (n) => {
    const reader = await alone(database)
    const places: number[] = []
    await whilst(writing, async () => {
      // Some windows join onto the cursor and some do not; checks fill in.
      const page = await reader.read('busy', { limit: n === 2 ? 4 : 15, reader_tag: 'ci' })
      places.push(...seqs(page.messages))
      if (n === 1) {
        const answer = await reader.check('ci', { thread_name: 'busy', limit: 5 })
        places.push(...seqs(answer.messages))
      }
    })
    return places
  })
  const rest = seqs(await drain(relay, 'ci', { thread_name: 'busy' }))
  const all = new Set([...shown.flat(), ...rest])
  expect([...all].toSorted((a, b) => a - b)).toEqual(range(1, 490))
})

test('a search is newest first and without repeats while matches are posted', async () => {
  await using database = await createTestDatabase()
  const relay = await alone(database)
  await fill(relay, 'busy', 30)
  const writing = together(3, async () => {
    const writer = await alone(database)
    for (const _ of range(1, 100)) await writer.post('busy', 'needle')
  })
  const searcher: Tools = await alone(database)
  await whilst(writing, async () => {
    for (const thread of ['busy', null]) {
      const { messages } = await searcher.read(thread, { query: 'needle', limit: 500 })
      expect(seqs(messages)).toEqual(seqs(messages).toSorted((a, b) => b - a))
      expect(new Set(seqs(messages)).size).toBe(messages.length)
    }
  })
})

test('posting, checking, peeking, acknowledging, archiving, renaming and 0.1.0 at once lose nothing', async () => {
  await using database = await createTestDatabase()
  const relay = await alone(database)
  const owner = await database.connect('postgres')
  const readers = range(0, 4).map((n) => `reader ${n}`)
  // Introduced to an empty relay, so that everything of others is due to each of them.
  for (const reader of readers) await relay.check(reader)
  await relay.create('legacy')
  const { rows } = await owner.query(`select id from relay_threads where name = 'legacy'`)
  const random = randomNumbers(7)
  const posted: { from?: string; to?: string; content: string }[] = []

  const writing = Promise.all([
    ...range(0, 7).map(async (n) => {
      const writer = await alone(database)
      for (const m of range(1, 60)) {
        const from = n < 5 ? readers[n] : undefined
        const to = random(4) === 0 ? readers[random(5)] : undefined
        const content = `${n} ${m}`
        posted.push({ content, ...(from && { from }), ...(to && { to }) })
        const args = { ...(from && { reader_tag: from }), ...(to && { to }) }
        await writer.post(`thread ${random(6)}`, content, args)
      }
    }),
    ...range(8, 9).map(async (n) => {
      const worker = legacyWorker(await database.connect())
      for (const m of range(1, 60)) {
        posted.push({ content: `${n} ${m}` })
        await worker.post(rows[0].id, `${n} ${m}`)
      }
    }),
  ])
  const given = new Map<string, Message[]>(readers.map((reader) => [reader, []]))
  const checking = together(10, async (n) => {
    const checker = await alone(database)
    const reader = readers[n % 5] as string
    await whilst(writing, async () => {
      const peeked = await checker.check(reader, { peek: true, limit: 3 })
      const named = peeked.messages.at(-1)?.thread_name
      const args = named && random(2) ? { thread_name: named } : {}
      // Two callers share each tag: what either gets, the other must not. A thread may have been renamed.
      const answer = await checker.check(reader, { ...args, limit: 5 }).catch((error) => {
        expect(error.code).toBe('RL001')
        return { messages: [] }
      })
      given.get(reader)?.push(...answer.messages)
    })
  })
  const moving = whilst(writing, async () => {
    const mover = tools(over(owner))
    await mover.archive(`thread ${random(6)}`).catch(() => {})
    await mover.list({ reader_tag: readers[random(5)] })
    await owner.query(`update relay_threads set name = 'renamed' where name = 'legacy'`)
    await owner.query(`update relay_threads set name = 'legacy' where name = 'renamed'`)
  })
  await Promise.all([writing, checking, moving])

  for (const reader of readers) {
    const messages = [...(given.get(reader) ?? []), ...(await drain(relay, reader))]
    const due = posted.filter(({ from, to }) => from !== reader || to === reader)
    expect(messages.map(({ content }) => content).toSorted(), reader).toEqual(
      due.map(({ content }) => content).toSorted(),
    )
    const { threads } = await relay.list({ reader_tag: reader, include_archived: true })
    expect(threads.map((t: { unread_count: number }) => t.unread_count)).toEqual(
      threads.map(() => 0),
    )
  }
})
