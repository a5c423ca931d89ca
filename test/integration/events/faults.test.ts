/** Several senders and many posts at once. Processes that are killed: test/e2e/events/faults.test.ts. */
import type { ServerResponse } from 'node:http'
import { expect, test } from 'vitest'
import { createSecret, post, startRelay } from './receiver.ts'

const THREADS = ['a', 'b', 'c', 'd']
const urlOf = (target: string) => `https://receiver.example/${target}`

test('twenty posts at once reach three targets in the order of each thread, and none twice', async () => {
  await using started = await startRelay({})
  const { relay, receiver, subscribe } = started
  const targets = ['one', 'two', 'three']
  for (const target of targets) {
    await subscribe(createSecret(), { delivery: { url: urlOf(target) } })
  }
  await Promise.all([
    ...Array.from({ length: 20 }, (_, n) => post(relay, { thread_name: THREADS[n % 4] })),
    // Each post starts a sender too.
    relay.runScheduled(),
    relay.runScheduled(),
  ])
  const owner = await relay.database.connect('postgres')
  const waiting = 'select from relay_deliveries where due_at is not null'
  await expect
    .poll(async () => {
      // A sender ends after a number of requests, and the next tool call resumes.
      await Promise.all([relay.call('relay_list_threads'), relay.runScheduled()])
      return (await owner.query(waiting)).rowCount
    })
    .toBe(0)
  for (const target of targets) {
    const got = receiver.events.filter(({ url }) => url === urlOf(target))
    expect(new Set(got.map(({ headers }) => headers['webhook-id'])).size).toBe(20)
    expect(got).toHaveLength(20)
    for (const thread of THREADS) {
      const seqs = got
        .map(({ body }) => body.data)
        .filter(({ thread_name }) => thread_name === thread)
      expect(seqs.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5])
    }
  }
})

test('a second sender does not send to a target that another one serves', async () => {
  await using started = await startRelay({})
  const { relay, receiver, subscribe } = started
  await subscribe(createSecret())
  const held = new Promise<ServerResponse>((resolve) => {
    receiver.answer = resolve
  })
  await post(relay)
  const response = await held
  await post(relay)
  await relay.runScheduled()
  await relay.call('relay_list_threads')
  expect(receiver.events.map(({ body }) => body.data.seq)).toEqual([1])
  receiver.answer = (next) => next.end()
  response.end()
  await expect.poll(() => receiver.events.map(({ body }) => body.data.seq)).toEqual([1, 2])
})
