/** relay_post_message: opening and reopening, own news, and posting the same thing again. */
import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { createTestDatabase } from '../../support/database.ts'
import { fill, names, range, seqs, tools } from './calls.ts'

test('a post says where the message is, and the message reads as it was posted', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  const { id: thread_id } = await relay.create('release')
  const message = {
    id: randomUUID(),
    surface: 'cowork',
    session_tag: 'laptop',
    content: 'Line one\n"two" \\ \t👩‍💻 ﷽ \u0001',
    metadata: { commit: 'f00f452', nested: { list: [1, 2.5, null, 'é'] } },
  }
  const { id, ...args } = message
  const posted = await relay.post('release', args.content, { ...args, message_id: id })
  expect(posted).toEqual({
    id,
    thread_id,
    thread_name: 'release',
    seq: 1,
    created_at: expect.any(String),
  })
  const { created_at } = posted
  expect(await relay.read('release')).toEqual({
    thread_name: 'release',
    messages: [{ ...message, thread_id, seq: 1, created_at }],
    older_count: 0,
  })
})

test('an absent argument of a post is null', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await relay.post('release')
  expect(await relay.read('release')).toMatchObject({
    messages: [{ session_tag: null, metadata: null }],
  })
})

test('a post to a missing thread opens it under the trimmed name, once', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  expect(await relay.post('\u00a0new \n')).toMatchObject({ seq: 1, thread_created: true })
  expect(await relay.post('new\t')).toMatchObject({ seq: 2 })
  expect(await relay.post('new')).not.toHaveProperty('thread_created')
  expect(names((await relay.list()).threads)).toEqual(['new'])
})

test('a post to an archived thread reopens it and says so', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await relay.post('done')
  await relay.archive('done')
  expect(await relay.post('done')).toMatchObject({ seq: 2, thread_reopened: true })
  expect(await relay.post('done')).not.toHaveProperty('thread_reopened')
  expect(await relay.list()).toMatchObject({ threads: [{ name: 'done', archived: false }] })
})

test('a reader that has read everything does not receive its own posts', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await relay.post('release', 'from someone else')
  await relay.check('ci', { thread_name: 'release' })
  await relay.post('release', 'mine', { reader_tag: 'ci' })
  await relay.post('release', 'mine too', { reader_tag: 'ci' })
  expect(await relay.check('ci', { thread_name: 'release' })).toMatchObject({
    new_message_count: 0,
    remaining_count: 0,
  })
})

test('a reader that opens a thread by posting has read it', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await relay.post('new', 'mine', { reader_tag: 'ci' })
  expect(await relay.list({ reader_tag: 'ci' })).toMatchObject({ threads: [{ unread_count: 0 }] })
})

test('a post never skips messages that its reader has not read', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await fill(relay, 'release', 2)
  await relay.check('ci', { thread_name: 'release', limit: 1 })
  await relay.post('release', 'mine', { reader_tag: 'ci' })
  const { messages } = await relay.check('ci', { thread_name: 'release' })
  expect(seqs(messages)).toEqual([2])
  expect(await relay.post('release', 'mine', { reader_tag: 'newcomer' })).toMatchObject({
    unread_count: 3,
  })
  expect(await relay.check('newcomer', { thread_name: 'release' })).toMatchObject({
    messages: [{ seq: 1 }, { seq: 2 }, { seq: 3 }],
    remaining_count: 0,
  })
})

test('the same message id again is the first message, and writes nothing', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  const args = { message_id: randomUUID(), reader_tag: 'ci', idempotency_key: 'k' }
  const first = await relay.post('release', 'once', args)
  await relay.post('release', 'between')
  await relay.archive('release')
  const again = await relay.post('release', 'once', args)
  expect(first).toMatchObject({ seq: 1, thread_created: true })
  const { id, thread_id, thread_name, seq, created_at } = first
  expect(again).toEqual({ id, thread_id, thread_name, seq, created_at })
  expect(await relay.list({ include_archived: true })).toMatchObject({
    threads: [{ message_count: 2, archived: true }],
  })
})

test('the same idempotency key with the same content is the first message', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  const args = { idempotency_key: 'deploy 7', metadata: { a: 1, b: [2] } }
  const first = await relay.post('release', 'Deployed.', args)
  expect(first).not.toHaveProperty('duplicate')
  const { id, thread_id, seq, created_at } = first
  const metadata = { b: [2], a: 1 }
  expect(await relay.post('release', 'Deployed.', { ...args, metadata })).toEqual({
    id,
    thread_id,
    thread_name: 'release',
    seq,
    created_at,
    duplicate: true,
  })
  expect(await relay.list()).toMatchObject({ threads: [{ message_count: 1 }] })
})

test('an idempotency key with other content, surface or metadata is refused', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  const args = { idempotency_key: 'deploy', metadata: { build: 7 } }
  await relay.post('release', 'Before.')
  await relay.post('release', 'Deployed.', args)
  const refusal = { code: 'RL003', detail: '2' }
  await expect(relay.post('release', 'Else.', args)).rejects.toMatchObject(refusal)
  for (const change of [{ surface: 'chat' }, { metadata: { build: 8 } }, { metadata: null }]) {
    const refused = relay.post('release', 'Deployed.', { ...args, ...change })
    await expect(refused, JSON.stringify(change)).rejects.toMatchObject(refusal)
  }
  expect(await relay.list()).toMatchObject({ threads: [{ message_count: 2 }] })
})

test('an idempotency key counts within its thread only', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await relay.post('one', 'x', { idempotency_key: 'k' })
  expect(await relay.post('two', 'y', { idempotency_key: 'k' })).toMatchObject({ seq: 1 })
})

test('a duplicate neither reopens the thread nor moves a cursor', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  const args = { idempotency_key: 'k', reader_tag: 'ci' }
  await relay.check('ci')
  await relay.post('release', 'Deployed.', { idempotency_key: 'k' })
  await relay.archive('release')
  expect(await relay.post('release', 'Deployed.', args)).toMatchObject({ duplicate: true })
  expect(await relay.list()).toMatchObject({ threads: [] })
  expect(await relay.list({ include_archived: true, reader_tag: 'ci' })).toMatchObject({
    threads: [{ unread_count: 1 }],
  })
})

test('a duplicate does not introduce its reader, and says that it is new', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await fill(relay, 'release', 30)
  await relay.post('release', 'Deployed.', { idempotency_key: 'k', reader_tag: 'ci' })
  const again = { idempotency_key: 'k', reader_tag: 'laptop' }
  const answer = await relay.post('Release', 'Deployed.', again)
  expect(answer).toMatchObject({
    duplicate: true,
    new_reader: true,
    known_readers: [{ reader_tag: 'ci' }],
  })
  expect(answer).not.toHaveProperty('skipped')
  // The call that introduces lists the skipped messages.
  expect(await relay.check('laptop')).toMatchObject({
    messages: [{ seq: 30 }, { seq: 31 }],
    skipped: [{ thread_name: 'release', message_count: 29 }],
  })
})

test('a message id whose thread was renamed by hand is found there, and opens no other', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  const owner = await database.connect('postgres')
  const args = { message_id: randomUUID() }
  const { id, thread_id, seq, created_at } = await relay.post('release', 'once', args)
  await owner.query(`update relay_threads set name = 'release 7'`)
  expect(await relay.post('release', 'once', args)).toEqual({
    id,
    thread_id,
    thread_name: 'release 7',
    seq,
    created_at,
  })
  expect(names((await relay.list()).threads)).toEqual(['release 7'])
})

test('an idempotency key with the same `to` is the first message, however its reader is spelled', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  const args = { idempotency_key: 'k', to: 'Laptop Code' }
  await relay.post('release', 'Deployed.', args)
  expect(await relay.post('release', 'Deployed.', args)).toMatchObject({ duplicate: true })
  await relay.check('laptop-code')
  expect(await relay.post('release', 'Deployed.', args)).toMatchObject({ duplicate: true })
  const known = { ...args, to: 'laptop-code' }
  expect(await relay.post('release', 'Deployed.', known)).toMatchObject({ duplicate: true })
  for (const to of ['phone', null]) {
    const refused = relay.post('release', 'Deployed.', { ...args, to })
    await expect(refused, `${to}`).rejects.toMatchObject({ code: 'RL003', detail: '1' })
  }
})

test('a message of 100,000 characters in words that all differ is stored', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  // Words that differ, joined by hyphens: each makes two entries in a search vector.
  const pair = (n: number) => String.fromCodePoint(0x4e00 + (n % 20_000), 0x4e00 + (n % 19_997))
  const words = range(1, 33_333).map((n) => `${pair(n)}${n % 20 ? '-' : ' '}`)
  const content = words.join('')
  await relay.post('hostile', content)
  const { messages } = await relay.read('hostile')
  expect(messages[0].content).toBe(content)
})
