/** A wait that its client gave up hands nothing out. */
import { expect, test } from 'vitest'
import { createOAuthClient } from '../../support/oauth.ts'
import { createTestRelay, type TestRelay } from '../../support/relay.ts'

const WAIT = { thread_name: 'answers', reader_tag: 'asker', wait_seconds: 20 }

const call = (id: unknown, args: object) => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name: 'relay_check_new', arguments: args },
})

const cancelled = (requestId: unknown) => ({
  jsonrpc: '2.0',
  method: 'notifications/cancelled',
  params: { requestId, reason: 'timeout' },
})

/**
 * Starts a wait, and resolves once it has asked the database for the first time. `count` resolves with the
 * number of messages that it is given in the end.
 */
async function startWait(
  relay: TestRelay,
  id: unknown,
  headers: Record<string, string> = {},
  reader_tag = WAIT.reader_tag,
): Promise<{ count: Promise<number> }> {
  await relay.call('relay_create_thread', { name: 'answers' })
  relay.gateway.requests.clear()
  const answer = relay.rpc(call(id, { ...WAIT, reader_tag }), headers)
  await expect.poll(() => relay.gateway.requests.size).toBeGreaterThan(0)
  return { count: answer.then(({ body }) => body.result.structuredContent.new_message_count) }
}

const post = (relay: TestRelay) =>
  relay.call('relay_post_message', { thread_name: 'answers', surface: 'code', content: 'Yes.' })

const check = async (relay: TestRelay) => {
  const { structuredContent } = await relay.call('relay_check_new', { ...WAIT, wait_seconds: 0 })
  return structuredContent.new_message_count
}

test.each([[7], ['seven']])(
  'after a cancellation of %j, the message is still unread',
  async (id) => {
    await using relay = await createTestRelay()
    const { count } = await startWait(relay, id)
    expect(await relay.rpc(cancelled(id))).toMatchObject({ status: 202 })
    await post(relay)
    expect(await count).toBe(0)
    expect(await check(relay)).toBe(1)
  },
)

test('a cancellation ends both waits of one caller that have the same id', async () => {
  await using relay = await createTestRelay()
  const first = await startWait(relay, 7)
  const second = await startWait(relay, 7, {}, 'another')
  await relay.rpc(cancelled(7))
  await post(relay)
  expect([await first.count, await second.count]).toEqual([0, 0])
  expect(await check(relay)).toBe(1)
})

test('the wait is over as soon as it is cancelled', async () => {
  await using relay = await createTestRelay()
  const startedAt = Date.now()
  const { count } = await startWait(relay, 7)
  await relay.rpc(cancelled(7))
  expect(await count).toBe(0)
  // Of 20 seconds that were asked for.
  expect(Date.now() - startedAt).toBeLessThan(10_000)
})

test.each([
  ['another id', 8, {}],
  ['the id as text', '7', {}],
  ['no id', undefined, {}],
  ['an id that is an object', {}, {}],
  ['another program', 7, { 'user-agent': 'another' }],
])('a cancellation with %s has no effect', async (_, id, headers) => {
  await using relay = await createTestRelay()
  const { count } = await startWait(relay, 7)
  expect(await relay.rpc(cancelled(id), headers)).toMatchObject({ status: 202 })
  await post(relay)
  expect(await count).toBe(1)
})

test('a cancellation by another client of the same relay has no effect', async () => {
  await using relay = await createTestRelay()
  const { access_token } = await (await createOAuthClient(relay)).connect()
  const { count } = await startWait(relay, 7)
  await relay.rpc(cancelled(7), { authorization: `Bearer ${access_token}` })
  await post(relay)
  expect(await count).toBe(1)
})

test('a client that signed in can cancel its own wait', async () => {
  await using relay = await createTestRelay()
  const { access_token } = await (await createOAuthClient(relay)).connect()
  const authorization = `Bearer ${access_token}`
  const { count } = await startWait(relay, 7, { authorization })
  await relay.rpc(cancelled(7), { authorization })
  await post(relay)
  expect(await count).toBe(0)
})
