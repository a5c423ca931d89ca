/** relay_check_new in one thread: order, peeking, acknowledging, and the rest. */
import { expect, test } from 'vitest'
import { createTestDatabase } from '../../support/database.ts'
import { bulk, drain, fill, over, range, seqs, tools } from './calls.ts'

test('a new reader of a thread starts at its first message, oldest first', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await fill(relay, 'release', 3)
  const answer = await relay.check('ci', { thread_name: ' release ' })
  expect(answer).toMatchObject({ new_message_count: 3, remaining_count: 0 })
  expect(seqs(answer.messages)).toEqual([1, 2, 3])
  expect(answer.messages[0]).toEqual({
    id: expect.any(String),
    thread_id: expect.any(String),
    thread_name: 'release',
    seq: 1,
    surface: 'code',
    session_tag: null,
    content: '1',
    metadata: null,
    created_at: expect.any(String),
  })
})

test('each message is returned once, and the rest is counted', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await fill(relay, 'release', 5)
  const check = async () => {
    const answer = await relay.check('ci', { thread_name: 'release', limit: 2 })
    expect(answer.new_message_count).toBe(answer.messages.length)
    return [seqs(answer.messages), answer.remaining_count]
  }
  expect(await check()).toEqual([[1, 2], 3])
  expect(await check()).toEqual([[3, 4], 1])
  expect(await check()).toEqual([[5], 0])
  expect(await check()).toEqual([[], 0])
  await relay.post('release')
  expect(await check()).toEqual([[6], 0])
})

test('readers do not know of each other', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await fill(relay, 'release', 3)
  expect(seqs(await drain(relay, 'ci', { thread_name: 'release' }))).toEqual([1, 2, 3])
  expect(seqs(await drain(relay, 'CI', { thread_name: 'release' }))).toEqual([1, 2, 3])
})

test('a backlog of 2,500 is delivered whole', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  const owner = await database.connect('postgres')
  await relay.create('long')
  await bulk(owner, 'long', 2500)
  const first = await relay.check('ci', { thread_name: 'long', limit: 500 })
  expect(first.new_message_count + first.remaining_count).toBe(2500)
  const rest = await drain(relay, 'ci', { thread_name: 'long', limit: 500 })
  expect(seqs([...first.messages, ...rest])).toEqual(range(1, 2500))
})

test('peeking moves nothing', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await fill(relay, 'release', 3)
  const peek = { thread_name: 'release', peek: true, limit: 2 }
  for (const _ of range(1, 2)) {
    expect(await relay.check('ci', peek)).toMatchObject({
      messages: [{ seq: 1 }, { seq: 2 }],
      remaining_count: 3,
    })
  }
  expect(seqs(await drain(relay, 'ci', { thread_name: 'release' }))).toEqual([1, 2, 3])
})

test('peeking, and acknowledging with the next peek, delivers everything at least once', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await fill(relay, 'release', 5)
  const args = { thread_name: 'release', peek: true, limit: 2 }
  const delivered: number[][] = []
  for (let ack_seq: number | undefined; delivered.length < 4; ) {
    const { messages } = await relay.check('ci', { ...args, ack_seq })
    delivered.push(seqs(messages))
    ack_seq = messages.at(-1)?.seq
  }
  expect(delivered).toEqual([[1, 2], [3, 4], [5], []])
})

test('ack_seq marks everything up to it as read, then returns the messages after it', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await fill(relay, 'release', 5)
  expect(await relay.check('ci', { thread_name: 'release', ack_seq: 3 })).toMatchObject({
    messages: [{ seq: 4 }, { seq: 5 }],
    remaining_count: 0,
  })
})

test('ack_seq never moves a cursor back', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await fill(relay, 'release', 5)
  await relay.check('ci', { thread_name: 'release', limit: 3 })
  for (const ack_seq of [-5, 0, 1, 3]) {
    expect(await relay.check('ci', { thread_name: 'release', ack_seq, peek: true })).toMatchObject({
      messages: [{ seq: 4 }, { seq: 5 }],
    })
  }
})

test('ack_seq above the end of the thread is refused, and changes nothing', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await fill(relay, 'release', 2)
  const refused = relay.check('ci', { thread_name: 'release', ack_seq: 3 })
  await expect(refused).rejects.toMatchObject({ code: 'RL004' })
  await relay.create('empty')
  const empty = relay.check('ci', { thread_name: 'empty', ack_seq: 1 })
  await expect(empty).rejects.toMatchObject({ code: 'RL004' })
  expect(seqs(await drain(relay, 'ci', { thread_name: 'release' }))).toEqual([1, 2])
})

test('ack_seq at the end is good, also when the messages there were deleted', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  const owner = await database.connect('postgres')
  await fill(relay, 'release', 4)
  await owner.query('delete from relay_messages where seq > 2')
  expect(await relay.check('ci', { thread_name: 'release', ack_seq: 4 })).toMatchObject({
    new_message_count: 0,
    remaining_count: 0,
  })
  await relay.post('release')
  expect(await relay.check('ci', { thread_name: 'release' })).toMatchObject({
    messages: [{ seq: 5 }],
  })
})

test('a reader of an archived thread that asks for it by name gets the new messages', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await relay.post('done')
  await relay.archive('done')
  expect(await relay.check('ci', { thread_name: 'done' })).toMatchObject({ new_message_count: 1 })
})

test('a call that finds nothing writes nothing', async () => {
  await using database = await createTestDatabase()
  const connection = await database.connect()
  const relay = tools(over(connection))
  await fill(relay, 'release', 2)
  await relay.check('ci')
  const one = { thread_name: 'release' }
  for (const args of [one, {}, { ...one, peek: true }, { ...one, ack_seq: 1 }]) {
    await connection.query('begin')
    expect(await relay.check('ci', args)).toMatchObject({ new_message_count: 0 })
    const { rows } = await connection.query('select pg_current_xact_id_if_assigned() as written')
    expect(rows, JSON.stringify(args)).toEqual([{ written: null }])
    await connection.query('commit')
  }
})
