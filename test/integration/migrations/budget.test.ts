/** The size of an answer: 60,000 bytes of JSON, never a cut message, always at least one. */
import { expect, test } from 'vitest'
import { createTestDatabase } from '../../support/database.ts'
import { drain, fill, type Message, range, seqs, tools } from './calls.ts'

const BUDGET = 60_000
const bytes = (messages: Message[]) => Buffer.byteLength(JSON.stringify(messages))

test.each([
  ['plain', 'x'.repeat(1000), null],
  ['full of newlines', '\n'.repeat(1000), null],
  ['full of quotes', '"\\'.repeat(500), null],
  ['full of control characters', '\u0001'.repeat(1000), null],
  ['of four-byte characters', '👩'.repeat(1000), null],
  ['beside metadata of 16 KB', 'short', { log: '"\n'.repeat(4000) }],
  ['empty but for the fields', '.', null],
])('answers hold to the budget when content is %s', async (_, content, metadata) => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  const count = content === '.' ? 300 : 80
  for (const _ of range(1, count)) await relay.post('release', content, { metadata })

  const read = await relay.read('release', { limit: 500 })
  expect(bytes(read.messages)).toBeLessThanOrEqual(BUDGET)
  expect(read.messages.length + read.older_count).toBe(count)
  expect(seqs(read.messages)).toEqual(range(read.older_count + 1, count).reverse())

  const checked = await relay.check('ci', { thread_name: 'release', limit: 500 })
  // The Worker leaves out the name of the one thread.
  const sent = checked.messages.map(({ thread_name, ...message }: Message) => message)
  expect(bytes(sent)).toBeLessThanOrEqual(BUDGET)
  expect(checked.new_message_count + checked.remaining_count).toBe(count)
  const searched = await relay.read(null, { surface: 'code', limit: 500 })
  expect(bytes(searched.messages)).toBeLessThanOrEqual(BUDGET)
  expect(searched.has_more).toBe(true)

  const rest = await drain(relay, 'ci', { thread_name: 'release', limit: 500 })
  expect(seqs([...checked.messages, ...rest])).toEqual(range(1, count))
})

test('the budget is used: messages that fit are returned', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  for (const _ of range(1, 12)) await relay.post('release', 'x'.repeat(5000))
  expect((await relay.read('release')).messages).toHaveLength(11)
})

test('a message that exceeds the budget by itself is returned by itself', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await relay.post('release', 'before')
  await relay.post('release', '\n'.repeat(100_000))
  await relay.post('release', 'after')
  const checked = async () => {
    const { messages, remaining_count } = await relay.check('ci', { thread_name: 'release' })
    return [seqs(messages), remaining_count]
  }
  expect(await checked()).toEqual([[1], 2])
  expect(await checked()).toEqual([[2], 1])
  expect(await checked()).toEqual([[3], 0])
  const { messages } = await relay.read('release', { before_seq: 3 })
  expect(messages.map(({ content }: Message) => content.length)).toEqual([100_000])
})

test('the caller may lower the budget', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await fill(relay, 'release', 10)
  const { messages } = await relay.read('release', { max_bytes: 1000 })
  expect(bytes(messages)).toBeLessThanOrEqual(1000)
  expect(messages.length).toBeGreaterThan(1)
  expect(await relay.read('release', { max_bytes: 1 })).toMatchObject({ messages: [{ seq: 10 }] })
  expect(await relay.check('ci', { max_bytes: 1 })).toMatchObject({ messages: [{ seq: 1 }] })
})

test('over all threads the budget cuts between messages and loses none', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await relay.post('seen')
  await relay.check('ci')
  for (const n of range(1, 4)) {
    for (const thread of ['one', 'two']) await relay.post(thread, `${n}`.repeat(25_000))
  }
  const first = await relay.check('ci')
  expect(first).toMatchObject({ new_message_count: 2, remaining_count: 6 })
  const all = [...first.messages, ...(await drain(relay, 'ci'))]
  const places = all.map(({ thread_name, seq }: Message) => `${thread_name} ${seq}`)
  expect(places).toEqual(['one', 'two'].flatMap((name) => range(1, 4).map((n) => `${name} ${n}`)))
})
