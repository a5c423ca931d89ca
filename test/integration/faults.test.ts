/** The database down, slow, half there or not itself: one sentence for the caller, the reason in the log. */
import { expect, test } from 'vitest'
import { startFaults } from '../support/faults.ts'
import { createTestRelay, type TestRelay } from '../support/relay.ts'

const POST = { thread_name: 'a', content: 'x', surface: 'code' }

const messages = async (relay: TestRelay): Promise<unknown[]> => {
  const { structuredContent, isError } = await relay.call('relay_read_thread', { thread_name: 'a' })
  return isError ? [] : structuredContent.messages
}

test.each([
  ['refuse', 'database_unreachable'],
  ['reset-before', 'database_unreachable'],
  ['reset-after', 'database_unreachable'],
  ['html-502', 'database_unreachable'],
  [{ status: 540, body: 'project paused' }, 'database_unreachable'],
  [{ status: 530, body: '<html>error code: 1016</html>' }, 'database_unreachable'],
  ['empty-404', 'database_answer_unexpected'],
  ['garbage', 'database_error'],
  [{ status: 200, body: '<html>Welcome to the hotel</html>' }, 'database_error'],
  [{ status: 200, body: '"a string"' }, 'database_answer_unexpected'],
  [
    { status: 200, body: '{"threads":[{"id":1}],"remaining_count":0}' },
    'database_answer_unexpected',
  ],
  [{ status: 302, body: '', headers: { location: '/elsewhere' } }, 'database_error'],
  [{ status: 500, body: '"just a string"' }, 'database_error'],
  [{ status: 500, body: '{"code":"XX000","message":"internal secret"}' }, 'database_error'],
  [{ status: 503, body: '{"code":"PGRST001","message":"no connection"}' }, 'database_unreachable'],
  [{ status: 401, body: '{"message":"Invalid API key"}' }, 'service_key_refused'],
  [{ status: 500, body: '{"code":"57014","message":"statement timeout"}' }, 'database_timeout'],
  [{ status: 500, body: '{"code":"40P01","message":"deadlock"}' }, 'database_busy'],
] as const)('%j is %s, and over when it is over', async (fault, code) => {
  await using faults = await startFaults()
  await using relay = await createTestRelay({ faults })
  await faults.always(fault)
  const result = await relay.call('relay_list_threads')
  expect(result).toMatchObject({ isError: true, content: [{ type: 'text' }] })
  expect(result.content[0].text).toMatch(/^[A-Z].*\.$/)
  expect(result.content[0].text).not.toMatch(/<html|secret|XX000|stack/)
  expect(await relay.log()).toMatchObject({
    status: 200,
    outcome: 'failed',
    error_code: code,
    reason: expect.stringMatching(/./),
  })
  await faults.always('none')
  expect(await relay.call('relay_list_threads')).not.toHaveProperty('isError')
})

test('a post whose answer was lost is posted once, and acknowledged', async () => {
  await using faults = await startFaults()
  await using relay = await createTestRelay({ faults })
  faults.next('reset-after')
  const result = await relay.call('relay_post_message', POST)
  expect(result.structuredContent).toMatchObject({ seq: 1 })
  expect(await messages(relay)).toMatchObject([{ seq: 1, content: 'x' }])
})

test.each([
  ['reset-after', 1],
  ['reset-before', 0],
  ['html-502', 0],
  ['empty-404', 0],
] as const)(
  'a post through %s is not acknowledged, and says how to find out',
  async (fault, posted) => {
    await using faults = await startFaults()
    await using relay = await createTestRelay({ faults })
    await faults.always(fault)
    const result = await relay.call('relay_post_message', POST)
    expect(result.isError).toBe(true)
    expect(result.content[0].text).toContain('not known')
    expect(result.content[0].text).toContain('relay_read_thread')
    const keyed = await relay.call('relay_post_message', { ...POST, idempotency_key: 'k' })
    expect(keyed.content[0].text).toContain('same idempotency_key')
    await faults.always('none')
    expect(await messages(relay)).toHaveLength(2 * posted)
    const again = await relay.call('relay_post_message', { ...POST, idempotency_key: 'k' })
    expect(again.structuredContent).toMatchObject({ seq: posted + 1 })
    expect(await messages(relay)).toHaveLength(posted + 1)
  },
)

test('a check is never repeated behind the back of its caller', async () => {
  await using faults = await startFaults()
  await using relay = await createTestRelay({ faults })
  await relay.call('relay_post_message', POST)
  faults.next('reset-after')
  faults.requests = 0
  const result = await relay.call('relay_check_new', { thread_name: 'a', reader_tag: 'r' })
  expect(result.content[0].text).toContain('relay_read_thread shows them')
  expect(faults.requests).toBe(1)
})

test('a peek is repeated once, since it moves nothing', async () => {
  await using faults = await startFaults()
  await using relay = await createTestRelay({ faults })
  await relay.call('relay_post_message', POST)
  faults.next('reset-after')
  const args = { thread_name: 'a', reader_tag: 'r', peek: true }
  const { structuredContent } = await relay.call('relay_check_new', args)
  expect(structuredContent).toMatchObject({ new_message_count: 1 })
})

test('eight seconds are waited for, and what came of it is not claimed', async () => {
  await using faults = await startFaults()
  await using relay = await createTestRelay({ faults })
  await faults.always({ delay: 9_000 })
  const [read, posted] = await Promise.all([
    relay.call('relay_list_threads'),
    relay.call('relay_post_message', POST),
  ])
  expect(read.content[0].text).toBe('The database did not answer within 8 seconds.')
  expect(posted.content[0].text).toMatch(/^The database did not answer .* not known/)
  expect(faults.requests).toBe(2)
})

test('an unapplied migration is named', async () => {
  await using relay = await createTestRelay({ empty: true })
  const result = await relay.call('relay_list_threads')
  expect(result.content[0].text).toContain('migrations/')
  expect(await relay.log()).toMatchObject({ error_code: 'migration_missing' })
})

test('a wrong service key is named', async () => {
  await using relay = await createTestRelay({
    bindings: { SUPABASE_SERVICE_KEY: 'sb_secret_of_another_project' },
  })
  const result = await relay.call('relay_list_threads')
  expect(result.content[0].text).toContain('SUPABASE_SERVICE_KEY')
  expect(await relay.log()).toMatchObject({ error_code: 'service_key_refused' })
})

test('missing grants are named', async () => {
  await using relay = await createTestRelay({})
  await relay.database
    .pool(1, 'postgres')
    .query('revoke execute on function relay_list_threads from service_role')
  const result = await relay.call('relay_list_threads')
  expect(result.content[0].text).toContain('migrations/001_initial.sql')
  expect(await relay.log()).toMatchObject({ error_code: 'permission_denied' })
})

test('a thread that stays locked is busy, and nothing was changed', async () => {
  await using relay = await createTestRelay()
  await relay.call('relay_post_message', POST)
  const client = await relay.database.pool(1, 'postgres').connect()
  await client.query('begin; select from relay_threads for update')
  const result = await relay.call('relay_post_message', POST)
  await client.query('rollback')
  client.release()
  expect(result.content[0].text).toContain('busy')
  expect(await messages(relay)).toHaveLength(1)
})

test.each([['RELAY_API_KEY'], ['SUPABASE_URL'], ['SUPABASE_SERVICE_KEY'], ['RELAY_USER_ID']])(
  'without %s the relay says so, and nothing else',
  async (name) => {
    await using relay = await createTestRelay({ bindings: { [name]: undefined } })
    const { status, body } = await relay.rpc({ jsonrpc: '2.0', id: 1, method: 'ping' })
    expect(status).toBe(500)
    expect(body.message).toContain(`${name} is missing`)
    const health = await relay.fetch('/health')
    expect(health.status).toBe(503)
    expect(await health.json()).toMatchObject({ ok: false, problems: [`${name} is missing.`] })
  },
)
