/** Replies, and the outcome of a message that is addressed: open, received, answered. */
import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { createTestDatabase } from '../../support/database.ts'
import { fill, over, range, seqs, type Tools, tools, USER } from './calls.ts'

const SELF = { reader_tag: 'me', lean: true }
const OTHER = { reader_tag: 'you', lean: true }

/** The open messages to a reader, as `thread seq`. */
async function openTo(relay: Tools, to = 'you'): Promise<string[]> {
  const { messages } = await relay.read(null, { to, open: true, lean: true })
  return messages.map((m: { thread_name: string; seq: number }) => `${m.thread_name} ${m.seq}`)
}

test('a reply closes what it answers, and goes to its author', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await relay.post('a', 'Which price?', { ...SELF, to: 'you' })
  await relay.post('a', 'And when?', { ...SELF, to: 'you' })
  expect(await openTo(relay)).toEqual(['a 2', 'a 1'])
  const reply = await relay.post('a', '13 per seat', { ...OTHER, reply_to: 1 })
  expect(reply).toMatchObject({ to: 'me' })
  expect(await openTo(relay)).toEqual(['a 2'])
  const { messages } = await relay.read('a', SELF)
  expect(messages).toMatchObject([
    { seq: 3, from: 'you', to: 'me', reply_to: 1, open: true },
    { seq: 2, open: true, given: false },
    { seq: 1, given: false, answered_by: 3 },
  ])
  expect(messages[2]).not.toHaveProperty('open')
})

test('a post without reply_to closes what its author had received, and nothing else', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await relay.post('a', '1', { ...SELF, to: 'you' })
  await relay.post('a', '2', { ...SELF, to: 'you' })
  // Not received yet: its author does not know of them.
  await relay.post('a', 'unaware', OTHER)
  expect(await openTo(relay)).toEqual(['a 2', 'a 1'])
  await relay.check('you', { limit: 1 })
  await relay.post('other', 'elsewhere', OTHER)
  expect(await openTo(relay)).toEqual(['a 2', 'a 1'])
  await relay.post('a', 'aware of the first', OTHER)
  expect(await openTo(relay)).toEqual(['a 2'])
  // A reply answers one message, whatever its author has received.
  await relay.check('you')
  await relay.post('a', 'to my own', { ...OTHER, reply_to: 3 })
  expect(await openTo(relay)).toEqual(['a 2'])
  await relay.post('a', 'aware of all', OTHER)
  expect(await openTo(relay)).toEqual([])
  const { messages } = await relay.read('a', { ...SELF, to: 'you' })
  expect(messages).toMatchObject([
    { seq: 2, given: true, answered_by: 6 },
    { seq: 1, given: true, answered_by: 4 },
  ])
})

test('replies of others close nothing, and those of the person do', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await relay.post('a', 'for you', { ...SELF, to: 'you' })
  for (const reader_tag of ['me', 'another']) {
    await relay.post('a', 'I reply', { reader_tag, reply_to: 1, to: 'nobody-else' })
  }
  expect(await openTo(relay)).toEqual(['a 1'])
  await relay.post('a', 'settled', { reader_tag: 'board', reply_to: 1 })
  expect(await openTo(relay)).toEqual([])
})

test('a hand-over to the own tag is closed by a reply only, and is not among the sent', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await relay.post('a', 'for later', { ...OTHER, to: 'you' })
  await relay.check('you')
  const next = await relay.post('a', 'a later session', OTHER)
  expect(next).not.toHaveProperty('sent')
  expect(await openTo(relay)).toEqual(['a 1'])
  const reply = await relay.post('a', 'taken over', { ...OTHER, reply_to: 1 })
  expect(reply).not.toHaveProperty('to')
  expect(await openTo(relay)).toEqual([])
})

test('marked as done, taken back or 30 days old, a message is not open', async () => {
  await using database = await createTestDatabase()
  const [relay, owner] = [tools(database), await database.connect('postgres')]
  for (const _ of range(1, 4)) await relay.post('a', 'x', { ...SELF, to: 'you' })
  await owner.query('update relay_messages set settled_at = now() where seq = 1')
  await owner.query('update relay_messages set redacted_at = now() where seq = 2')
  await owner.query(
    `update relay_messages set created_at = now() - interval '30 days' where seq = 3`,
  )
  expect(await openTo(relay)).toEqual(['a 4'])
  await expect(relay.post('a', 'x', { ...OTHER, reply_to: 2 })).rejects.toMatchObject({
    code: 'RL010',
  })
})

test('a reply to a message that is not there makes nothing', async () => {
  await using database = await createTestDatabase()
  const [relay, owner] = [tools(database), await database.connect('postgres')]
  await relay.post('a', 'x')
  for (const [thread, reply_to] of [['a', 2] as const, ['missing', 1] as const]) {
    await expect(relay.post(thread, 'x', { ...OTHER, reply_to })).rejects.toMatchObject({
      code: 'RL010',
      detail: `{"name" : "${thread}", "seq" : ${reply_to}}`,
    })
  }
  const { rows } = await owner.query(`
    select (select count(*)::int from relay_messages) as messages,
      (select count(*)::int from relay_threads) as threads,
      (select count(*)::int from relay_readers) as readers`)
  expect(rows).toEqual([{ messages: 1, threads: 1, readers: 0 }])
})

test('a reply without an author to go to has no addressee, and one to an own message keeps its own', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await relay.post('a', 'anonymous')
  await relay.post('a', 'asked', { ...SELF, to: 'you' })
  expect(await relay.post('a', 'x', { ...SELF, reply_to: 1 })).not.toHaveProperty('to')
  expect(await relay.post('a', 'more', { ...SELF, reply_to: 2 })).toMatchObject({ to: 'you' })
  const both = { ...OTHER, reply_to: 2, to: 'third' }
  expect(await relay.post('a', 'see here', both)).toMatchObject({ to: 'third' })
})

test('an idempotency key belongs to the message that was answered as well', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await relay.post('a', '1', SELF)
  await relay.post('a', '2', SELF)
  const reply = { ...OTHER, reply_to: 1, idempotency_key: 'k' }
  await relay.post('a', 'yes', reply)
  expect(await relay.post('a', 'yes', reply)).toMatchObject({ duplicate: true, seq: 3 })
  await expect(relay.post('a', 'yes', { ...reply, reply_to: 2 })).rejects.toMatchObject({
    code: 'RL003',
  })
})

test('a sender learns which of its messages wait, the newest three first', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  for (const thread of ['a', 'b', 'c', 'd']) {
    await relay.post(thread, 'x', { ...SELF, to: 'you' })
  }
  await relay.archive('c')
  await relay.check('you', { thread_name: 'd' })
  const sent = [
    { thread_name: 'd', seq: 1, to: 'you', given: true },
    { thread_name: 'c', archived: true, seq: 1, to: 'you', given: false },
    { thread_name: 'b', seq: 1, to: 'you', given: false },
  ]
  expect(await relay.check('me', { lean: true })).toMatchObject({ sent, sent_count: 4 })
  expect(await relay.post('e', 'x', SELF)).toMatchObject({ sent, sent_count: 4 })
  await relay.post('d', 'done', OTHER)
  const left = await relay.check('me', { lean: true })
  expect(left).toMatchObject({
    sent: [{ thread_name: 'c' }, { thread_name: 'b' }, { thread_name: 'a' }],
  })
  expect(left).not.toHaveProperty('sent_count')
})

test('a reply waits for its addressee to receive it, and for nothing more', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await relay.post('a', 'asked', { ...SELF, to: 'you' })
  await relay.post('a', 'answered', { ...OTHER, reply_to: 1 })
  const sent = [{ thread_name: 'a', seq: 2, to: 'me', given: false }]
  expect(await relay.check('you', { lean: true })).toMatchObject({ sent })
  await relay.check('me')
  expect(await relay.check('you', { lean: true })).not.toHaveProperty('sent')
})

test('a new reader starts at the first open message to it, not at one that was answered', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await relay.post('a', 'answered', { ...SELF, to: 'you' })
  await relay.post('a', 'by the person', { reader_tag: 'board', reply_to: 1 })
  await relay.post('a', 'open', { ...SELF, to: 'You' })
  await fill(relay, 'a', 20)
  expect(seqs((await relay.check('you')).messages)).toEqual(range(3, 23))
})

test('a message for an unknown name belongs to the first reader that has it, for good', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await relay.post('a', 'left', { ...SELF, to: 'Review Bot' })
  expect(await openTo(relay, 'review-bot')).toEqual(['a 1'])
  await relay.check('review-bot', { thread_name: 'a', peek: true })
  // Exactly of that name, but later.
  await relay.check('Review Bot', { thread_name: 'a', peek: true })
  const asked = { thread_name: 'a', peek: true, lean: true }
  expect((await relay.check('review-bot', asked)).messages).toMatchObject([{ to: 'review-bot' }])
  await relay.post('b', 'x', { reader_tag: 'Review Bot', lean: true })
  expect(await openTo(relay, 'review-bot')).toEqual(['a 1'])
  expect(await openTo(relay, 'Review Bot')).toEqual([])
})

test('2,000 answered messages to and from a reader cost no call more rows', async () => {
  await using database = await createTestDatabase()
  const [relay, owner] = [tools(database), await database.connect('postgres')]
  const connection = await database.connect()
  const caller = tools(over(connection))
  const read = async () => {
    const { rows } = await owner.query(`
      select sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::int as read from pg_stat_user_tables`)
    return rows[0].read as number
  }
  const cost = async () => {
    const before = await read()
    await caller.check('you', { lean: true })
    await caller.check('you', { lean: true, thread_name: 'pairs' })
    await caller.list(OTHER)
    await caller.read('pairs', { ...OTHER, limit: 5 })
    await caller.post('log', 'x', OTHER)
    await connection.query('select pg_stat_force_next_flush()')
    return (await read()) - before
  }
  const answer = async (count: number) => {
    await owner.query(
      `insert into relay_messages (id, thread_id, user_id, surface, content, reader_tag, addressee, reply_to)
      select gen_random_uuid(), t.id, $1, 'code', 'x', case when n % 2 = 1 then 'me' else 'you' end,
        case when n % 2 = 1 then 'you' else 'me' end, case when n % 2 = 0 then t.last_seq + n - 1 end
      from relay_threads t, generate_series(1, $2::int) n where t.name = 'pairs'`,
      [USER, count],
    )
  }
  await relay.post('pairs', randomUUID(), SELF)
  await relay.check('you')
  await answer(40)
  await relay.check('you', { limit: 500 })
  await cost()
  const before = await cost()
  await answer(2000)
  while ((await relay.check('you', { limit: 500 })).remaining_count > 0);
  await cost()
  expect(await cost()).toBeLessThan(1.5 * before)
})
