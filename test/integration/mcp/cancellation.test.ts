/** A wait that its client gave up hands nothing out. */
import { expect, test } from 'vitest'
import { createOAuthClient } from '../../support/oauth.ts'
import { createTestRelay, type TestRelay } from '../../support/relay.ts'
import { waitingForLocks } from '../migrations/calls.ts'

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
 * number of messages that it receives in the end.
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

const CALLS: [what: string, tool: string, args: object][] = [
  ['a check', 'relay_check_new', { thread_name: 'answers', reader_tag: 'asker' }],
  ['a check of all threads', 'relay_check_new', { reader_tag: 'asker' }],
  ['a wait', 'relay_check_new', WAIT],
  ['a read', 'relay_read_thread', { thread_name: 'answers', reader_tag: 'asker' }],
]

/** Keeps the reader's bookmark from being moved until it is released. */
async function holdReader(relay: TestRelay) {
  const owner = await relay.database.connect('postgres')
  const observer = await relay.database.connect('postgres')
  await owner.query('begin')
  await owner.query('select from relay_read_cursors for update')
  return {
    /** Resolves when a call waits for it. */
    reached: () => waitingForLocks(observer, 1),
    release: () => owner.query('commit'),
    [Symbol.asyncDispose]: () => owner.query('rollback').then(() => {}),
  }
}

test.each(CALLS)(
  '%s that is cancelled while the database works marks nothing',
  async (_, tool, args) => {
    await using relay = await createTestRelay()
    await post(relay)
    await check(relay)
    await post(relay)
    await using held = await holdReader(relay)
    const answer = relay.rpc({
      jsonrpc: '2.0',
      id: 7,
      method: 'tools/call',
      params: { name: tool, arguments: args },
    })
    await held.reached()
    await relay.rpc(cancelled(7))
    await held.release()
    const { body } = await answer
    if (tool === 'relay_check_new') {
      // Empty, or the intended recipient would have the message twice.
      expect(body.result.structuredContent).toMatchObject({
        new_message_count: 0,
        messages: [],
        remaining_count: 1,
      })
    }
    expect(await check(relay)).toBe(1)
    expect(await check(relay)).toBe(0)
  },
)

test.each(CALLS)(
  '%s whose client hangs up while the database works marks nothing',
  async (_, tool, args) => {
    await using relay = await createTestRelay()
    await post(relay)
    await check(relay)
    await post(relay)
    await using held = await holdReader(relay)
    const hangUp = new AbortController()
    const answer = relay.fetch('/mcp', {
      method: 'POST',
      signal: hangUp.signal,
      headers: { authorization: `Bearer ${relay.key}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 7,
        method: 'tools/call',
        params: { name: tool, arguments: args },
      }),
    })
    await held.reached()
    hangUp.abort()
    await expect(answer).rejects.toThrow()
    relay.logs.length = 0
    await held.release()
    await relay.log((line) => line.tool === tool && line.client === 'node')
    await expect.poll(() => relay.gateway.requests.get('relay_give_back')).toBe(1)
    expect(await check(relay)).toBe(1)
  },
)

test('a cancellation after the answer takes nothing back', async () => {
  await using relay = await createTestRelay()
  await post(relay)
  const { body } = await relay.rpc(call(7, { ...WAIT, wait_seconds: 0 }))
  expect(body.result.structuredContent.new_message_count).toBe(1)
  await relay.rpc(cancelled(7))
  expect(await check(relay)).toBe(0)
})
