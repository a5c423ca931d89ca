/** Readers: first use, introduction, and which messages count as read. */
import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { createTestDatabase } from '../../support/database.ts'
import { drain, fill, type Message, over, range, seqs, together, tools, USER } from './calls.ts'
import { legacyWorker, SCHEMA_0_1_0 } from './legacy.ts'

const MIGRATION = await readFile(
  new URL('../../../migrations/001_initial.sql', import.meta.url),
  'utf8',
)

const places = (messages: Message[]) => messages.map((m) => `${m.thread_name} ${m.seq}`)

test('a small relay is news as a whole to a new reader', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await fill(relay, 'a', 15)
  await fill(relay, 'b', 5)
  await relay.archive('a')
  const answer = await relay.check('ci')
  expect(answer).toMatchObject({ new_message_count: 20, remaining_count: 0, new_reader: true })
  expect(answer).not.toHaveProperty('skipped')
})

test('of a larger relay a new reader gets the newest two of the ten most recent threads', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  for (const n of range(1, 12)) await fill(relay, `thread ${n}`, 3)
  await relay.archive('thread 12')
  const answer = await relay.check('ci')
  expect(places(answer.messages)).toEqual(
    range(2, 11).flatMap((n) => [`thread ${n} 2`, `thread ${n} 3`]),
  )
  expect(answer).toMatchObject({ new_reader: true, skipped_thread_count: 12 })
  expect(answer.skipped).toHaveLength(12)
  expect(answer.skipped.slice(0, 2)).toEqual([
    { thread_name: 'thread 12', archived: true, message_count: 3 },
    { thread_name: 'thread 11', message_count: 1 },
  ])
  // A message counts as received only once it was returned: nothing is skipped by a limit.
  const next = await relay.check('ci')
  expect(next).toMatchObject({ new_message_count: 0, remaining_count: 0 })
  expect(next).not.toHaveProperty('new_reader')
  expect(next).not.toHaveProperty('skipped')
})

test('one busy thread does not crowd out the others', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await relay.post('decision', 'The most important one.')
  await fill(relay, 'chatter', 40)
  expect(places((await relay.check('ci')).messages)).toEqual([
    'decision 1',
    'chatter 39',
    'chatter 40',
  ])
})

test('an introduction is delivered whole, whatever the limit and the budget', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  for (const n of range(1, 12))
    for (const _ of range(1, 2)) await relay.post(`thread ${n}`, 'x'.repeat(9000))
  const expected = range(3, 12).flatMap((n) => [`thread ${n} 1`, `thread ${n} 2`])
  expect(places(await drain(relay, 'one', { limit: 3 }))).toEqual(expected)
  expect(places(await drain(relay, 'other', { max_bytes: 10_000 }))).toEqual(expected)
})

test('after the introduction everything is delivered, also of threads opened since', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await fill(relay, 'old', 30)
  await relay.create('empty')
  await relay.check('ci')
  await fill(relay, 'opened since', 25)
  await relay.post('empty')
  await relay.post('old')
  expect(places(await drain(relay, 'ci', { limit: 7 }))).toEqual([
    ...range(1, 25).map((n) => `opened since ${n}`),
    'empty 1',
    'old 31',
  ])
})

test('a thread that was opened and archived between two looks is delivered', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await relay.post('old')
  await relay.check('ci')
  await relay.post('short', 'closing words')
  await relay.archive('short')
  expect(places(await drain(relay, 'ci'))).toEqual(['short 1'])
})

test('a reader that polled an empty relay is not new again, and misses nothing', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  expect(await relay.check('ci')).toMatchObject({ new_message_count: 0, new_reader: true })
  await fill(relay, 'a', 30)
  const answer = await relay.check('ci')
  expect(answer).toMatchObject({ new_message_count: 30 })
  expect(answer).not.toHaveProperty('new_reader')
})

test('a reader whose threads were all deleted is not new again, and misses nothing', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  const owner = await database.connect('postgres')
  await fill(relay, 'a', 30)
  await relay.check('ci')
  await owner.query('delete from relay_threads')
  await fill(relay, 'b', 30)
  expect(await relay.check('ci')).toMatchObject({ new_message_count: 30 })
})

test('the first peek introduces, and moves nothing', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await fill(relay, 'log', 30)
  const peek = { peek: true }
  expect(await relay.check('ci', peek)).toMatchObject({ new_message_count: 2, new_reader: true })
  const again = await relay.check('ci', peek)
  expect(again).toMatchObject({ new_message_count: 2, remaining_count: 2 })
  expect(again).not.toHaveProperty('new_reader')
  await relay.post('log')
  expect(seqs((await relay.check('ci')).messages)).toEqual([29, 30, 31])
})

test('checks of named threads concern only those, from their first message, and do not introduce', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await fill(relay, 'a', 30)
  await fill(relay, 'b', 30)
  await fill(relay, 'c', 30)
  expect(await relay.check('ci', { thread_name: 'a' })).toMatchObject({
    new_message_count: 30,
    new_reader: true,
  })
  expect(await relay.check('ci', { thread_name: 'b', limit: 20 })).toMatchObject({
    new_message_count: 20,
    remaining_count: 10,
  })
  const { threads } = await relay.list({ reader_tag: 'ci' })
  expect(threads.map((t: { unread_count?: number }) => t.unread_count)).toEqual([undefined, 10, 0])
  // The introduction writes cursors only where there is none.
  const answer = await relay.check('ci')
  expect(places(answer.messages)).toEqual([...range(21, 30).map((n) => `b ${n}`), 'c 29', 'c 30'])
  expect(answer.skipped).toEqual([{ thread_name: 'c', message_count: 28 }])
})

test('a first post introduces before it takes its place', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await fill(relay, 'old', 30)
  await fill(relay, 'busy', 30)
  const posted = await relay.post('busy', 'mine', { reader_tag: 'ci' })
  expect(posted).toMatchObject({ seq: 31, unread_count: 2, new_reader: true })
  expect(posted.skipped).toEqual([
    { thread_name: 'busy', message_count: 28 },
    { thread_name: 'old', message_count: 28 },
  ])
  expect(places((await relay.check('ci')).messages)).toEqual([
    'old 29',
    'old 30',
    'busy 29',
    'busy 30',
  ])
  expect(await relay.check('ci')).toMatchObject({ new_message_count: 0, remaining_count: 0 })
})

test('an introduction never skips messages addressed to the reader', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await fill(relay, 'old', 10)
  await relay.post('old', 'For the session that comes.', { to: 'nightly' })
  await fill(relay, 'old', 10)
  for (const n of range(1, 11)) await fill(relay, `thread ${n}`, 3)
  const answer = await drain(relay, 'nightly')
  expect(places(answer).filter((place) => place.startsWith('old '))).toEqual(
    range(11, 21).map((n) => `old ${n}`),
  )
})

test('listing does not introduce, and names the other readers', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await fill(relay, 'a', 30)
  await relay.check('laptop')
  const listed = await relay.list({ reader_tag: 'phone' })
  const laptop = { reader_tag: 'laptop', last_seen_at: expect.stringMatching(/\.\d{3}Z$/) }
  expect(listed).toMatchObject({ new_reader: true, known_readers: [laptop], readers: [laptop] })
  expect(await relay.check('phone')).toMatchObject({
    new_message_count: 2,
    skipped_thread_count: 1,
  })
  expect((await relay.list()).readers).toHaveLength(2)
})

test('a reader introduced by ten calls at once is introduced once and misses nothing', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await fill(relay, 'a', 30)
  const callers = await together(10, async () => tools(over(await database.connect())))
  const answers = await Promise.all(
    callers.map((caller, n) =>
      n % 2 ? caller.check('ci') : caller.post('a', `mine ${n}`, { reader_tag: 'ci' }),
    ),
  )
  expect(answers.filter((answer) => answer.new_reader)).toHaveLength(1)
  const given = answers.flatMap((answer) => seqs(answer.messages ?? []))
  expect([...given, ...seqs(await drain(relay, 'ci'))]).toEqual([29, 30])
})

test('an introduction takes its cursors from its snapshot, or a message is lost to a rename', async () => {
  await using database = await createTestDatabase()
  const [relay, owner] = [tools(database), await database.connect('postgres')]
  const [slow, observer] = [await database.connect(), await database.connect('postgres')]
  await fill(relay, 'a', 30)
  for (const n of range(1, 10)) await fill(relay, `newer ${n}`, 1)
  // The thread's row is locked by a rename; a post waits behind it, the introduction behind both.
  await owner.query('begin')
  await owner.query(`update relay_threads set name = 'renamed' where name = 'a'`)
  const introduction = tools(over(slow)).check('ci')
  for (let waits = 0; waits === 0; ) {
    await observer.query('select pg_stat_clear_snapshot()')
    const { rows } = await observer.query(
      `select count(*)::int as waits from pg_locks l join pg_stat_activity a using (pid)
      where not l.granted and a.datname = current_database()`,
    )
    waits = rows[0].waits
  }
  await owner.query(
    `insert into relay_messages (thread_id, user_id, surface, content)
    select id, user_id, 'code', 'in between' from relay_threads where name = 'renamed'`,
  )
  await owner.query('commit')
  const { messages } = await introduction
  const given = places([...messages, ...(await drain(relay, 'ci'))])
  expect(given.filter((place) => place.startsWith('renamed '))).toEqual(['renamed 31'])
})

test('readers of 0.1.0 keep their cursors, and their first check of all threads introduces them', async () => {
  await using database = await createTestDatabase({ empty: true })
  const owner = await database.connect('postgres')
  await owner.query(SCHEMA_0_1_0)
  const worker = legacyWorker(owner)
  const [known, unknown] = [await worker.open('known'), await worker.open('unknown')]
  for (const thread of [known, unknown]) {
    for (const n of range(1, 15)) await worker.post(thread, `${n}`)
  }
  await worker.check(known, 'old')
  await worker.post(known, 'since')
  await owner.query(MIGRATION)
  const relay = tools(database)
  const answer = await relay.check('old')
  expect(answer).not.toHaveProperty('new_reader')
  expect(places(answer.messages).toSorted()).toEqual(['known 16', 'unknown 14', 'unknown 15'])
  // A cursor that 0.1.0 writes afterwards makes its reader too.
  await worker.setCursor(known, 'later', '2020-01-01T00:00:00Z')
  expect(await relay.check('later', { thread_name: 'known' })).not.toHaveProperty('new_reader')
  const { rows } = await owner.query(
    'select reader_tag, introduced_at is null as is_new from relay_readers where user_id = $1 order by 1',
    [USER],
  )
  expect(rows).toEqual([
    { reader_tag: 'later', is_new: true },
    { reader_tag: 'old', is_new: false },
  ])
})

test('a message addressed in another spelling, before its reader was known, reaches that reader', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await relay.post('old', 'For you.', { to: 'Review Bot' })
  await fill(relay, 'old', 30)
  const answer = await relay.check('review-bot', { lean: true, limit: 5 })
  expect(seqs(answer.messages)).toEqual([1, 2, 3, 4, 5])
  // Under the reader's own name, so that it is told to be addressed.
  expect(answer.messages[0]).toMatchObject({ to: 'review-bot' })
  await relay.post('other', 'For you too.', { to: 'review_bot', reader_tag: 'ci' })
  for (const to of ['Review Bot', 'review-bot', 'REVIEW_BOT']) {
    const { messages } = await relay.read(null, { to })
    expect(places(messages), to).toEqual(['other 1', 'old 1'])
  }
})

test('unread messages addressed in another spelling are reported', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await fill(relay, 'busy', 2)
  await relay.post('other', 'For you.', { to: 'Review Bot' })
  expect(await relay.check('review-bot', { thread_name: 'busy', lean: true })).toMatchObject({
    addressed_unread: [{ thread_name: 'other', seq: 1 }],
  })
})

test('readers whose tags differ only in spelling do not receive messages for each other', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await relay.check('laptop_code')
  await relay.post('old', 'For the first.', { to: 'laptop_code' })
  await fill(relay, 'old', 30)
  // Not introduced from the first message on.
  expect(seqs((await relay.check('laptop-code', { peek: true })).messages)).toEqual([30, 31])
  await relay.post('other', 'For the first.', { to: 'laptop_code' })
  await relay.post('other', 'For the second.', { to: 'laptop-code' })
  for (const [reader, addressed] of [
    ['laptop_code', ['other 1', 'old 1']],
    ['laptop-code', ['other 2']],
  ] as const) {
    const { addressed_unread } = await relay.post('log', 'x', { reader_tag: reader, lean: true })
    expect(places(addressed_unread), reader).toEqual(addressed)
    const { messages } = await relay.read(null, { to: reader })
    expect(places(messages), reader).toEqual(addressed)
  }
  const { messages } = await relay.check('laptop-code', { thread_name: 'other', lean: true })
  expect(messages.map((m: { to: string }) => m.to)).toEqual(['laptop_code', 'laptop-code'])
})
