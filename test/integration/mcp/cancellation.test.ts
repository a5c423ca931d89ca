/** A wait that its client gave up hands nothing out. */
import { setTimeout as sleep } from 'node:timers/promises'
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

/** Starts a wait, and returns once it has asked the database for the first time. */
async function startWait(relay: TestRelay, id: unknown, headers: Record<string, string> = {}) {
  await relay.call('relay_create_thread', { name: 'answers' })
  relay.gateway.requests.clear()
  const answer = relay.rpc(call(id, WAIT), headers)
  await expect.poll(() => relay.gateway.requests.size).toBeGreaterThan(0)
  return answer.then(({ body }) => body.result.structuredContent.new_message_count)
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
    const waiting = startWait(relay, id)
    await Promise.race([waiting, sleep(300)])
    expect(await relay.rpc(cancelled(id))).toMatchObject({ status: 202 })
    await post(relay)
    expect(await waiting).toBe(0)
    expect(await check(relay)).toBe(1)
  },
)

test('the wait is over as soon as it is cancelled', async () => {
  await using relay = await createTestRelay()
  const startedAt = Date.now()
  const waiting = startWait(relay, 7)
  await Promise.race([waiting, sleep(300)])
  await relay.rpc(cancelled(7))
  expect(await waiting).toBe(0)
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
  const waiting = startWait(relay, 7)
  await Promise.race([waiting, sleep(300)])
  expect(await relay.rpc(cancelled(id), headers)).toMatchObject({ status: 202 })
  await post(relay)
  expect(await waiting).toBe(1)
})

test('a cancellation by another client of the same relay has no effect', async () => {
  await using relay = await createTestRelay()
  const { access_token } = await (await createOAuthClient(relay)).connect()
  const waiting = startWait(relay, 7)
  await Promise.race([waiting, sleep(300)])
  await relay.rpc(cancelled(7), { authorization: `Bearer ${access_token}` })
  await post(relay)
  expect(await waiting).toBe(1)
})

test('a client that signed in can cancel its own wait', async () => {
  await using relay = await createTestRelay()
  const { access_token } = await (await createOAuthClient(relay)).connect()
  const authorization = `Bearer ${access_token}`
  const waiting = startWait(relay, 7, { authorization })
  await Promise.race([waiting, sleep(300)])
  await relay.rpc(cancelled(7), { authorization })
  await post(relay)
  expect(await waiting).toBe(0)
})
