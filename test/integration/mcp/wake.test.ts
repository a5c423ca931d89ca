/**
 * Waits that a post in the same Worker ends at once. The waits of these tests look at the database every two
 * seconds at most; that a wake is faster is measured by the benchmark, and here is told by the looks made.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, inject, test } from 'vitest'
import { startWorker } from '../../../scripts/local/workerd/worker.ts'
import { clientOf, createTestRelay, type RelayClient, type TestRelay } from '../../support/relay.ts'

/** Another instance of the Worker, on the same database. */
async function startSecondWorker(relay: TestRelay): Promise<RelayClient & AsyncDisposable> {
  const worker = await startWorker({
    bundle: inject('bundle'),
    bindings: {
      RELAY_API_KEY: relay.key,
      RELAY_USER_ID: relay.userId,
      RELAY_HOSTS: '127.0.0.1',
      SUPABASE_URL: relay.gateway.url,
      SUPABASE_SERVICE_KEY: relay.serviceKey,
    },
    trustsConnectingIp: true,
    onLine: () => {},
  })
  return { ...clientOf(worker.url, relay.key), [Symbol.asyncDispose]: worker.stop }
}

const post = (relay: RelayClient, thread_name: string, args: object = {}) =>
  relay.call('relay_post_message', { thread_name, content: 'x', surface: 'code', ...args })

const wait = (relay: TestRelay, reader_tag: string, args: object = {}) =>
  relay.call('relay_check_new', { reader_tag, wait_seconds: 20, ...args })

test('a wait for a thread ends with a message to its reader in another, and has its text', async () => {
  await using relay = await createTestRelay()
  await post(relay, 'asked', { reader_tag: 'me' })
  await relay.call('relay_check_new', { reader_tag: 'me' })
  const waiting = wait(relay, 'me', { thread_name: 'asked' })
  await post(relay, 'elsewhere', { content: 'Over here', reader_tag: 'you', to: 'me' })
  const { structuredContent } = await waiting
  expect(structuredContent).toMatchObject({
    new_message_count: 0,
    now: expect.any(String),
    addressed_unread: [{ thread_name: 'elsewhere', seq: 1, from: 'you', content: 'Over here' }],
  })
})

test('neither an old message to its reader nor a hand-over to its own tag ends it', async () => {
  await using relay = await createTestRelay()
  await post(relay, 'asked', { reader_tag: 'me' })
  await post(relay, 'elsewhere', { reader_tag: 'you', to: 'me' })
  const owner = await relay.database.connect('postgres')
  await owner.query(`
    update relay_messages set created_at = now() - interval '31 seconds' where addressee = 'me'`)
  await post(relay, 'later', { reader_tag: 'me', to: 'me' })
  const { structuredContent } = await wait(relay, 'me', { thread_name: 'asked', wait_seconds: 2 })
  expect(structuredContent).toMatchObject({
    new_message_count: 0,
    addressed_unread: [{ thread_name: 'later' }, { thread_name: 'elsewhere' }],
    note: expect.stringContaining('To wait longer, call again'),
  })
})

test('of two waits under one tag one gets a message, and each that only looks sees it', async () => {
  await using relay = await createTestRelay()
  await relay.call('relay_create_thread', { name: 'a' })
  const waits = [1, 2].map(() => wait(relay, 'shared', { wait_seconds: 4 }))
  const { structuredContent } = await relay.call('relay_check_new', { reader_tag: 'board' })
  expect(structuredContent).toMatchObject({ new_message_count: 0 })
  const since = new Date(Date.now() - 10_000).toISOString()
  const looks = [1, 2].map(() => wait(relay, 'board', { peek: true, since }))
  await sleep(50)
  await post(relay, 'a')
  const answers = await Promise.all([...waits, ...looks])
  const counts = answers.map((answer) => answer.structuredContent.new_message_count)
  expect(counts.slice(0, 2).toSorted()).toEqual([0, 1])
  expect(counts.slice(2)).toEqual([1, 1])
})

test('a look with a time waits for newer messages, however much is unread', async () => {
  await using relay = await createTestRelay()
  for (let n = 1; n <= 5; n += 1) await post(relay, 'a')
  const first = await wait(relay, 'board', { peek: true })
  expect(first.structuredContent).toMatchObject({ new_message_count: 5 })
  const { now } = first.structuredContent
  const waiting = wait(relay, 'board', { peek: true, since: now })
  await post(relay, 'a', { content: 'new' })
  expect((await waiting).structuredContent).toMatchObject({
    messages: [{ seq: 6, content: 'new' }],
  })
})

test('a wait at another Worker is not woken, and finds the message when it looks', async () => {
  await using relay = await createTestRelay()
  await relay.call('relay_create_thread', { name: 'a' })
  await using other = await startSecondWorker(relay)
  const waiting = wait(relay, 'me')
  await post(other, 'a')
  expect((await waiting).structuredContent).toMatchObject({ new_message_count: 1 })
})
