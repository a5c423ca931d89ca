/** The lean shape, previews, and the fields about the rest. */
import { expect, test } from 'vitest'
import { createTestDatabase } from '../../support/database.ts'
import { fill, over, range, together, tools } from './calls.ts'

test('a list that finds nothing says whether archived threads match', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  for (const name of ['pricing-notes', 'pricing-2025']) {
    await relay.post(name)
    await relay.archive(name)
  }
  expect(await relay.list({ query: 'pricing' })).toMatchObject({ threads: [], archived_count: 2 })
  expect(await relay.list({ query: 'offsite' })).not.toHaveProperty('archived_count')
})

test('an acknowledgement counts messages of others and stops at one that exists', async () => {
  await using database = await createTestDatabase()
  const [relay, owner] = [tools(database), await database.connect('postgres')]
  await relay.check('ci')
  await fill(relay, 'a', 3)
  await relay.post('a', 'mine', { reader_tag: 'ci' })
  await fill(relay, 'a', 2)
  await owner.query('delete from relay_messages where seq >= 5')
  const args = { thread_name: 'a', peek: true, ack_seq: 6 }
  expect(await relay.check('ci', args)).toMatchObject({ acknowledged_count: 3 })
  const { rows } = await owner.query('select last_read_seq::int from relay_read_cursors')
  expect(rows).toEqual([{ last_read_seq: 4 }])
  expect(await relay.check('ci', { ...args, ack_seq: 2 })).toMatchObject({ acknowledged_count: 0 })
})

test('two spellings of a new name open one thread, however they race', async () => {
  await using database = await createTestDatabase()
  const spellings = ['new thread', 'New-Thread', 'new_thread', 'NEW THREAD']
  const callers = await together(8, async () => tools(over(await database.connect())))
  for (const round of range(1, 20)) {
    await Promise.all(
      callers.map((caller, n) =>
        n === 7
          ? caller.create(`${spellings[0]} ${round}`).catch(() => undefined)
          : caller.post(`${spellings[n % 4]} ${round}`, `${n}`),
      ),
    )
  }
  expect((await tools(database).list()).threads).toHaveLength(20)
})

test('lean messages leave out empty fields, cut long contents, and show UTC cut to milliseconds', async () => {
  await using database = await createTestDatabase()
  const [relay, owner] = [tools(database), await database.connect('postgres')]
  await relay.check('you')
  await relay.post('a', 'short')
  await relay.post('a', 'é'.repeat(8001), {
    session_tag: 's',
    reader_tag: 'me',
    to: 'you',
    caller: { client: 'Claude' },
    metadata: { empty: null },
  })
  await owner.query(`update relay_messages set created_at = '2026-01-31T09:30:00.123999Z'`)
  const { messages } = await relay.read('a', { lean: true })
  expect(messages).toEqual([
    {
      seq: 2,
      surface: 'code',
      session_tag: 's',
      from: 'me',
      to: 'you',
      via: 'Claude',
      content: 'é'.repeat(2000),
      content_length: 8001,
      metadata: { empty: null },
      created_at: '2026-01-31T09:30:00.123Z',
    },
    { seq: 1, surface: 'code', content: 'short', created_at: '2026-01-31T09:30:00.123Z' },
  ])
  const whole = await relay.read('a', { seq: 2, lean: true })
  expect(whole.messages[0].content).toBe('é'.repeat(8001))
  expect(whole.messages[0]).not.toHaveProperty('content_length')
  // A single message is whole, also when it is the only one that fits.
  expect((await relay.read('a', { limit: 1, lean: true })).messages[0].content).toHaveLength(8001)
  expect((await relay.read('a', { lean: true, max_bytes: 50 })).messages[0].content).toHaveLength(
    8001,
  )
  const missing = await relay.read('a', { seq: 3 }).catch((thrown) => thrown)
  expect(missing).toMatchObject({ code: 'RL010', detail: '{"name" : "a", "seq" : 3}' })
})

test('a preview is the latest message in one line', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await relay.create('empty')
  await relay.post('a', 'first')
  await relay.post('a', `two\n\n  lines ${'x'.repeat(200)}`, { reader_tag: 'me', session_tag: 's' })
  const { threads } = await relay.list({ preview: true, lean: true })
  expect(threads.map((t: { latest?: unknown }) => t.latest)).toEqual([
    {
      seq: 2,
      surface: 'code',
      session_tag: 's',
      from: 'me',
      excerpt: `two lines ${'x'.repeat(110)}`,
    },
    undefined,
  ])
})

test('remaining says in which threads', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await relay.check('ci')
  for (const name of ['a', 'b', 'c']) await fill(relay, name, 3)
  const answer = await relay.check('ci', { limit: 4 })
  expect(answer.remaining).toEqual([
    { thread_name: 'b', unread_count: 2 },
    { thread_name: 'c', unread_count: 3 },
  ])
  const peeked = await relay.check('ci', { limit: 1, peek: true })
  expect(peeked.remaining).toEqual(answer.remaining)
  expect((await relay.check('ci')).remaining).toBeUndefined()
})
