/** A 0.1.0 database upgraded in place, while 0.1.0 still writes, and next to it afterwards. */
import { readFile } from 'node:fs/promises'
import type { Client } from 'pg'
import { expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import {
  contents,
  drain,
  type Message,
  over,
  range,
  seqs,
  together,
  tools,
  USER,
  waitingForLocks,
} from './calls.ts'
import { legacyWorker, SCHEMA_0_1_0 } from './legacy.ts'

const MIGRATION = await readFile(
  new URL('../../../migrations/001_initial.sql', import.meta.url),
  'utf8',
)

/** Ten messages at each of these times, and readers at, between, before and after them. */
const TIMES = range(1, 6).map((n) => `2026-01-0${n}T10:00:00.123456Z`)
const POSITIONS = [
  '2025-12-31T00:00:00Z',
  ...TIMES,
  '2026-01-03T12:00:00Z',
  '2026-01-04T10:00:00.123455Z',
  '2026-01-07T00:00:00Z',
]

async function legacyDatabase() {
  const database = await createTestDatabase({ empty: true })
  const owner = await database.connect('postgres')
  await owner.query(SCHEMA_0_1_0)
  return { database, owner, worker: legacyWorker(owner) }
}

test('every message and every unread survives an upgrade under which 0.1.0 writes on', async () => {
  const { database: own, owner, worker } = await legacyDatabase()
  await using database = own
  const threads: string[] = []
  for (const n of range(0, 2)) {
    const thread = await worker.open(`thread ${n}`)
    threads.push(thread)
    for (const time of TIMES) await insertAt(owner, thread, time, 10)
    for (const [n, time] of POSITIONS.entries()) await worker.setCursor(thread, `reader ${n}`, time)
  }
  const before = await stored(owner)

  // Eight writers, and readers that check and set cursors all the time.
  const writing = await writeOn(database, threads)
  await writing.until(60)
  await owner.query(MIGRATION)
  const upgraded = writing.posted.length
  await writing.until(upgraded + 60)
  await writing.stop()

  const after = await stored(owner)
  const ids = after.map(({ id }) => id)
  expect(ids).toEqual(expect.arrayContaining(before.map(({ id }) => id)))
  expect(new Set(ids)).toEqual(new Set([...before.map(({ id }) => id), ...writing.posted]))
  expect(ids).toHaveLength(before.length + writing.posted.length)

  const relay = tools(database)
  for (const [n, thread] of threads.entries()) {
    const name = `thread ${n}`
    const inThread = after.filter((message) => message.thread_id === thread)
    expect(inThread.map(({ seq }) => Number(seq))).toEqual(range(1, inThread.length))
    expect(inThread.map(({ time }) => time)).toEqual(inThread.map(({ time }) => time).toSorted())

    // The new functions return the messages unread by 0.1.0's own test, once and in order.
    const readers = [...POSITIONS.map((_, m) => `reader ${m}`), ...writing.readers, 'newcomer']
    for (const reader of readers) {
      const unread = new Set(await worker.unread(thread, reader))
      const expected = inThread.filter(({ id }) => unread.has(id)).map(({ seq }) => Number(seq))
      const drained = await drain(relay, reader, { thread_name: name })
      expect(seqs(drained), `${reader} of ${name}`).toEqual(expected)
    }
    expect(seqs(await drain(relay, 'newcomer', { thread_name: name }))).toEqual([])
  }
  const { threads: listed } = await relay.list()
  for (const { id, message_count } of listed) {
    expect(message_count).toBe(after.filter(({ thread_id }) => thread_id === id).length)
  }
  // A check of all threads relies on this when it compares sums.
  const { rows: above } = await owner.query(`
    select c.reader_tag from relay_read_cursors c join relay_threads t on t.id = c.thread_id
    where c.last_read_seq > t.last_seq`)
  expect(above).toEqual([])
})

test('an upgrade that waits for a writer does not deadlock with who reads meanwhile', async () => {
  const { database: own, owner, worker } = await legacyDatabase()
  await using database = own
  const thread = await worker.open('release')
  const [observer, writer] = [await database.connect('postgres'), await database.connect()]
  const reader = legacyWorker(await database.connect())
  await writer.query('begin')
  await legacyWorker(writer).post(thread, 'slow to commit')
  const upgrade = owner.query(MIGRATION)
  await waitingForLocks(observer, 1)
  const listing = reader.list()
  await Promise.race([listing, waitingForLocks(observer, 2)])
  await writer.query('commit')
  await Promise.all([upgrade, listing])
  expect(await tools(database).status()).toMatchObject({ thread_count: 1, message_count: 1 })
})

test('0.1.0 and the new functions write side by side, and each message is delivered once', async () => {
  const { database: own, owner, worker } = await legacyDatabase()
  await using database = own
  const thread = await worker.open('release')
  await owner.query(MIGRATION)
  const relay = tools(database)
  await relay.post('release', 'before')

  // Introduced while there is little: later, older messages would count as read.
  const first = [
    await relay.check('reader 0', { thread_name: 'release' }),
    await relay.check('reader 1'),
  ]
  let writing = true
  const readers = together(2, async (n) => {
    const reader = tools(over(await database.connect()))
    const messages: Message[] = [...(first[n]?.messages ?? [])]
    while (writing) {
      messages.push(
        ...(await reader.check(`reader ${n}`, n ? {} : { thread_name: 'release' })).messages,
      )
    }
    return [...messages, ...(await drain(reader, `reader ${n}`))]
  })
  await together(8, async (n) => {
    const connection = await database.connect()
    const [old, now] = [legacyWorker(connection), tools(over(connection))]
    for (const m of range(1, 100)) {
      if (n % 2) await old.post(thread, `${n} ${m}`)
      else await now.post('release', `${n} ${m}`)
    }
  })
  writing = false
  const posted = (await stored(owner)).map(({ content }) => content)
  expect(posted).toHaveLength(801)
  for (const messages of await readers) {
    expect(seqs(messages)).toEqual(range(1, 801))
    expect(contents(messages)).toEqual(posted)
    const times = messages.map(({ created_at }) => Date.parse(created_at))
    expect(times).toEqual(times.toSorted((a, b) => a - b))
  }
})

test('a second run renumbers nothing and rewinds no cursor', async () => {
  const { database: own, owner, worker } = await legacyDatabase()
  await using database = own
  const thread = await worker.open('release')
  for (const time of TIMES) await insertAt(owner, thread, time, 3)
  await worker.setCursor(thread, 'ci', TIMES[1] ?? '')
  await owner.query(MIGRATION)
  const relay = tools(database)
  await relay.post('release', 'new')
  await worker.post(thread, 'old')
  await owner.query('delete from relay_messages where seq in (1, 20)')
  await relay.check('ci', { thread_name: 'release', limit: 4 })
  await relay.check('newcomer')

  const snapshot = async () => [
    await stored(owner),
    (await owner.query('select * from relay_threads')).rows,
    (await owner.query('select * from relay_read_cursors order by id')).rows,
  ]
  const before = await snapshot()
  await owner.query(MIGRATION)
  expect(await snapshot()).toEqual(before)
  expect(await relay.post('release')).toMatchObject({ seq: 21 })
  const { messages } = await relay.check('ci', { thread_name: 'release' })
  expect(seqs(messages)).toEqual([...range(11, 19), 21])
})

test('data of 0.1.0 beyond today’s limits is kept, returned and found', async () => {
  const { database: own, owner, worker } = await legacyDatabase()
  await using database = own
  const thread = await worker.open('  spaced ')
  const big = 'lorem ipsum '.repeat(260_000)
  const insert = 'insert into relay_messages (thread_id, user_id, surface, content, session_tag)'
  const values = [thread, USER]
  await owner.query(`${insert} values ($1, $2, 'chat', $3, 'laptop')`, [...values, big])
  await owner.query(`${insert} values ($1, $2, 'chat', 'tagless', '')`, values)
  await worker.open('never used')
  await owner.query(MIGRATION)

  const relay = tools(database)
  const { messages } = await relay.read('  spaced ')
  expect(messages).toMatchObject([
    { seq: 2, content: 'tagless', session_tag: null, metadata: null },
  ])
  const found = await relay.read('  spaced ', { query: 'ipsum' })
  expect(found.messages).toHaveLength(1)
  expect(found.messages[0].content.length).toBe(big.length)
  expect(seqs(await drain(relay, 'ci', { thread_name: '  spaced ' }))).toEqual([1, 2])
  expect((await relay.list()).threads.map((t: { name: string }) => t.name)).toEqual(
    expect.arrayContaining(['  spaced ', 'never used']),
  )
  expect(await relay.post('  spaced ')).toMatchObject({ thread_id: thread, seq: 3 })
})

test('a long text of hyphenated words does not stop the upgrade', async () => {
  const { database: own, owner, worker } = await legacyDatabase()
  await using database = own
  const thread = await worker.open('hyphens')
  const pair = (n: number) => String.fromCodePoint(0x4e00 + (n % 20_000), 0x4e00 + (n % 19_997))
  const words = range(1, 90_000).map((n) => `${pair(n)}${n % 20 ? '-' : ' '}`)
  await worker.post(thread, words.join(''))
  await owner.query(MIGRATION)
  expect(await tools(database).check('ci', { thread_name: 'hyphens' })).toMatchObject({
    new_message_count: 1,
  })
})

test('a thread whose last_message_at never came is listed by its newest message', async () => {
  const { database: own, owner, worker } = await legacyDatabase()
  await using database = own
  const thread = await worker.open('crashed')
  await insertAt(owner, thread, TIMES[0] ?? '', 2)
  await owner.query(MIGRATION)
  const { threads } = await tools(database).list()
  expect(threads).toMatchObject([{ name: 'crashed', message_count: 2 }])
  expect(Date.parse(threads[0].last_message_at)).toBe(Date.parse(TIMES[0] ?? ''))
})

test('put back after the upgrade, 0.1.0 sees just the messages that each reader has not read', async () => {
  const { database: own, owner, worker } = await legacyDatabase()
  await using database = own
  const thread = await worker.open('release')
  await insertAt(owner, thread, TIMES[0] ?? '', 1)
  await owner.query(MIGRATION)
  const relay = tools(database)
  for (const n of range(2, 10)) await relay.post('release', `${n}`)
  const name = { thread_name: 'release' }
  await relay.check('checked', { ...name, limit: 4 })
  await relay.check('acked', { ...name, ack_seq: 6, peek: true })
  await relay.read('release', { reader_tag: 'all' })
  await relay.check('posted', name)
  await relay.post('release', '11', { reader_tag: 'posted' })
  await owner.query('delete from relay_messages where seq = 6')

  const unread = async (reader: string) => (await worker.unread(thread, reader)).length
  expect(await unread('checked')).toBe(6)
  expect(await unread('acked')).toBe(5)
  expect(await unread('all')).toBe(1)
  expect(await unread('posted')).toBe(0)
  expect(await worker.check(thread, 'checked')).toHaveLength(6)
  expect(await relay.check('checked', name)).toMatchObject({ new_message_count: 0 })
})

test('a cursor that 0.1.0 sets by time gets its place, and is never set back', async () => {
  const { database: own, owner, worker } = await legacyDatabase()
  await using database = own
  const thread = await worker.open('release')
  await owner.query(MIGRATION)
  const relay = tools(database)
  for (const n of range(1, 6)) await relay.post('release', `${n}`)
  const messages: Message[] = (await relay.read('release')).messages.toReversed()
  const at = (seq: number) => messages[seq - 1]?.created_at ?? ''
  const unread = async () => {
    const answer = await relay.check('ci', { thread_name: 'release', peek: true })
    return seqs(answer.messages)
  }
  await worker.setCursor(thread, 'ci', at(2))
  expect(await unread()).toEqual([3, 4, 5, 6])
  await worker.setCursor(thread, 'ci', at(4))
  expect(await unread()).toEqual([5, 6])
  await worker.setCursor(thread, 'ci', at(1))
  expect(await unread()).toEqual([5, 6])
  expect(await worker.unread(thread, 'ci')).toHaveLength(2)
  await worker.setCursor(thread, 'before', '2020-01-01T00:00:00Z')
  expect(await relay.check('before', { thread_name: 'release' })).toMatchObject({
    new_message_count: 6,
  })
})

test('with a 0.1.0 clock that runs ahead, 0.1.0 and the new functions still lose nothing', async () => {
  const { database: own, owner, worker } = await legacyDatabase()
  await using database = own
  const thread = await worker.open('release')
  await owner.query(MIGRATION)
  const relay = tools(database)
  await worker.post(thread, 'first')
  await owner.query(`update relay_threads set last_message_at = now() + interval '1 minute'`)
  const delivered: number[] = []
  for (const n of range(1, 3)) {
    await relay.post('release', `${n}`)
    delivered.push((await worker.check(thread, 'old')).length)
  }
  expect(delivered).toEqual([2, 1, 1])
})

test('a late update by 0.1.0 sets neither a thread’s activity nor its clock back', async () => {
  const { database: own, owner, worker } = await legacyDatabase()
  await using database = own
  const thread = await worker.open('release')
  await owner.query(MIGRATION)
  const relay = tools(database)
  await worker.post(thread, 'first')
  const { created_at } = await relay.post('release', 'second')
  const setBack = `update relay_threads set last_message_at = last_message_at - interval '1 minute'`
  await (await database.connect()).query(setBack)
  const activity = async () => (await relay.list()).threads[0].last_message_at
  expect(await activity()).toBe(created_at)
  // A person can: that is how times written by a clock that was ahead are repaired.
  await owner.query(setBack)
  expect(Date.parse(await activity())).toBe(Date.parse(created_at) - 60_000)
})

test('an upgrade that is too large for its statement timeout says so and changes nothing', async () => {
  const { database: own, owner, worker } = await legacyDatabase()
  await using database = own
  const thread = await worker.open('large')
  await insertAt(owner, thread, TIMES[0] ?? '', 200_001)
  const editor = await database.connect('postgres')
  await editor.query(`set statement_timeout = '60s'`)
  await expect(editor.query(MIGRATION)).rejects.toMatchObject({ code: 'RL007' })
  await editor.query('rollback')
  expect(await worker.post(thread, 'still 0.1.0')).toEqual(expect.any(String))
  const { rows } = await owner.query(
    `select attname from pg_attribute
    where attrelid = 'public.relay_messages'::regclass and attname = 'seq'`,
  )
  expect(rows).toEqual([])
})

interface Stored {
  id: string
  thread_id: string
  seq?: string
  content: string
  time: string
}

/** All messages, in the order of their places if they have one. */
async function stored(owner: Client): Promise<Stored[]> {
  const { rows } = await owner.query(
    `select m.id, m.thread_id, to_jsonb(m) ->> 'seq' as seq, content,
      to_char(created_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') as time
    from relay_messages m order by m.thread_id, (to_jsonb(m) ->> 'seq')::bigint, created_at, id`,
  )
  return rows
}

async function insertAt(owner: Client, thread: string, time: string, count: number): Promise<void> {
  await owner.query(
    `insert into relay_messages (thread_id, user_id, surface, content, created_at)
    select $1, $2, 'code', 'message ' || n, $3 from generate_series(1, $4::int) n`,
    [thread, USER, time, count],
  )
}

/** Starts 0.1.0 Workers that post and check in every thread until they are stopped. */
async function writeOn(database: TestDatabase, threads: string[]) {
  const posted: string[] = []
  const readers = range(1, 4).map((n) => `old ${n}`)
  let running = true
  const waiting: { count: number; resolve: () => void }[] = []
  const workers = [...range(1, 8), ...readers].map(async (name) => {
    const worker = legacyWorker(await database.connect('service_role'))
    for (let n = 0; running; n += 1) {
      const thread = threads[n % threads.length] ?? ''
      if (typeof name === 'string') await worker.check(thread, name)
      else posted.push(await worker.post(thread, `${name} ${n}`))
      for (const { count, resolve } of waiting) if (posted.length >= count) resolve()
    }
  })
  const failed = Promise.all(workers)
  failed.catch(() => {})
  return {
    posted,
    readers,
    /** Resolves when so many messages are posted. */
    until: (count: number) =>
      Promise.race([failed, new Promise<void>((resolve) => waiting.push({ count, resolve }))]),
    async stop() {
      running = false
      await failed
    },
  }
}

test('put back between messages that share a time, 0.1.0 repeats one and loses none', async () => {
  const { database: own, owner, worker } = await legacyDatabase()
  await using database = own
  const thread = await worker.open('release')
  await insertAt(owner, thread, TIMES[0] ?? '', 3)
  await owner.query(MIGRATION)
  const first = { thread_name: 'release', limit: 1 }
  expect(await tools(database).check('ci', first)).toMatchObject({ remaining_count: 2 })
  expect(await worker.unread(thread, 'ci')).toHaveLength(3)
})
