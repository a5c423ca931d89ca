/** The database down, slow, half there or not itself: one sentence for the caller, the reason in the log. */
import { afterAll, expect, test } from 'vitest'
import { type Faults, startFaults } from '../support/faults.ts'
import { createTestRelay, type TestRelay } from '../support/relay.ts'

const POST = { thread_name: 'a', content: 'x', surface: 'code' }

let shared: Promise<{ faults: Faults; relay: TestRelay }> | undefined

afterAll(async () => {
  const started = await shared
  await started?.relay[Symbol.asyncDispose]()
  await started?.faults[Symbol.asyncDispose]()
})

/** The relay of this file behind a server without faults, emptied. */
async function startFaulty() {
  shared ??= startFaults().then(async (faults) => ({
    faults,
    relay: await createTestRelay({ faults }),
  }))
  const { faults, relay } = await shared
  await faults.always('none')
  await relay.empty()
  return { faults, relay }
}

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
  [{ status: 302, body: '', headers: { location: '/elsewhere' } }, 'database_error'],
  [{ status: 500, body: '"just a string"' }, 'database_error'],
  [{ status: 500, body: '{"code":"XX000","message":"internal secret"}' }, 'database_error'],
  [{ status: 503, body: '{"code":"PGRST001","message":"no connection"}' }, 'database_unreachable'],
  [{ status: 503, body: '{"code":"PGRST002","message":"schema cache"}' }, 'api_starting'],
  [{ status: 504, body: '{"code":"PGRST003","message":"pool"}' }, 'api_starting'],
  [{ status: 406, body: '{"code":"PGRST106","message":"schema"}' }, 'schema_not_exposed'],
  [{ status: 404, body: '{"code":"PGRST205","message":"table"}' }, 'migration_missing'],
  [{ status: 405, body: '{"code":"25006","message":"read-only"}' }, 'database_read_only'],
  [{ status: 402, body: '{"message":"exceed_egress_quota"}' }, 'project_restricted'],
  [{ status: 429, body: '{"message":"Too Many Requests"}' }, 'api_rate_limited'],
  [{ status: 429, body: '<html>1015</html>' }, 'api_rate_limited'],
  [{ status: 544, body: '{"message":"timeout"}' }, 'api_timeout'],
  [
    { status: 403, body: '<!DOCTYPE html><html>Attention Required! | Cloudflare</html>' },
    'api_blocked',
  ],
  [{ status: 401, body: '<html>Access</html>' }, 'api_blocked'],
  [{ status: 403, body: '{"message":"Forbidden use of secret API key"}' }, 'service_key_refused'],
  [{ status: 401, body: '{"message":"Invalid API key"}' }, 'service_key_refused'],
  [{ status: 500, body: '{"code":"57014","message":"statement timeout"}' }, 'statement_timeout'],
  [{ status: 500, body: '{"code":"40P01","message":"deadlock"}' }, 'database_busy'],
] as const)('%j is %s, and over when it is over', async (fault, code) => {
  const { faults, relay } = await startFaulty()
  await faults.always(fault)
  const result = await relay.call('relay_list_threads')
  expect(result).toMatchObject({ isError: true, content: [{ type: 'text' }] })
  expect(result.content[0].text).toMatch(/^[A-Z].*\.$/)
  expect(result.content[0].text).not.toMatch(/<html|secret|XX000|stack/)
  // The line of the last call of the test before may arrive late.
  expect(await relay.log(({ error_code }) => error_code === code)).toMatchObject({
    status: 200,
    outcome: 'failed',
    reason: expect.stringMatching(/./),
  })
  await faults.always('none')
  expect(await relay.call('relay_list_threads')).not.toHaveProperty('isError')
})

test('a post whose answer was lost is posted once, and acknowledged', async () => {
  const { faults, relay } = await startFaulty()
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
    const { faults, relay } = await startFaulty()
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

test.each([
  [{ status: 405, body: '{"code":"25006","message":"read-only"}' }],
  [{ status: 404, body: '{"code":"PGRST202","message":"function"}' }],
  [{ status: 406, body: '{"code":"PGRST106","message":"schema"}' }],
  [{ status: 503, body: '{"code":"PGRST000","message":"connect"}' }],
  [{ status: 503, body: '{"code":"PGRST002","message":"cache"}' }],
  [{ status: 504, body: '{"code":"PGRST003","message":"pool"}' }],
  [{ status: 503, body: '{"code":"08001","message":"connect"}' }],
  [{ status: 503, body: '{"code":"57P03","message":"starting"}' }],
  [{ status: 500, body: '{"code":"57014","message":"timeout"}' }],
  [{ status: 500, body: '{"code":"40P01","message":"deadlock"}' }],
  [{ status: 500, body: '{"code":"XX000","message":"bug"}' }],
  [{ status: 503, body: '{"code":"53100","message":"disk"}' }],
  [{ status: 402, body: '{"message":"quota"}' }],
  [{ status: 403, body: '<html>Cloudflare</html>' }],
  [{ status: 401, body: '{"message":"Invalid API key"}' }],
  [{ status: 429, body: '{"message":"slow down"}' }],
  [{ status: 521, body: '<html>down</html>' }],
  [{ status: 530, body: '<html>1016</html>' }],
  [{ status: 540, body: 'paused' }],
] as const)('a post refused with %j is not said to be of unknown outcome', async (fault) => {
  const { faults, relay } = await startFaulty()
  await faults.always(fault)
  const result = await relay.call('relay_post_message', POST)
  expect(result.isError).toBe(true)
  expect(result.content[0].text).not.toContain('not known')
  expect(result.content[0].text).toMatch(/ Nothing was changed\.$/)
  await faults.always('none')
  expect(await messages(relay)).toEqual([])
})

test.each([
  [{ status: 503, body: '{"code":"08006","message":"lost"}' }],
  [{ status: 503, body: '{"code":"57P01","message":"shutdown"}' }],
  [{ status: 503, body: '{"code":"PGRST001","message":"lost"}' }],
  [{ status: 503, body: 'upstream connect error' }],
  [{ status: 504, body: '<html>504</html>' }],
  [{ status: 524, body: '<html>timeout</html>' }],
  [{ status: 544, body: '{"message":"timeout"}' }],
  [{ status: 500, body: '<html>error</html>' }],
] as const)('a post lost with %j is said to be of unknown outcome', async (fault) => {
  const { faults, relay } = await startFaulty()
  await faults.always(fault)
  const result = await relay.call('relay_post_message', POST)
  expect(result.content[0].text).toContain('not known')
})

test.each([
  ['reset-after', { status: 503, body: '{"code":"PGRST002","message":"cache"}' }, 1],
  ['reset-after', { status: 500, body: '{"code":"57014","message":"timeout"}' }, 1],
  ['reset-before', { status: 503, body: '{"code":"PGRST000","message":"connect"}' }, 0],
  ['html-502', { status: 503, body: '{"code":"57P03","message":"starting"}' }, 0],
  [
    { status: 503, body: '{"code":"57P01","message":"shutdown"}' },
    { status: 540, body: 'paused' },
    0,
  ],
] as const)(
  'a post lost with %j stays of unknown outcome when the second attempt is refused with %j',
  async (first, second, posted) => {
    const { faults, relay } = await startFaulty()
    faults.next(first)
    faults.next(second)
    const result = await relay.call('relay_post_message', POST)
    expect(result.content[0].text).toContain('not known')
    expect(result.content[0].text).not.toContain('Nothing was changed')
    expect(await messages(relay)).toHaveLength(posted)
  },
)

test.each(['40P01', '40001', '55P03'])(
  'a call rolled back with %s is tried once more, whatever it is',
  async (code) => {
    const { faults, relay } = await startFaulty()
    const collision = { status: 500, body: JSON.stringify({ code, message: 'collision' }) }
    faults.next(collision)
    expect(await relay.call('relay_post_message', POST)).not.toHaveProperty('isError')
    faults.next(collision)
    const args = { thread_name: 'a', reader_tag: 'r' }
    const check = await relay.call('relay_check_new', args)
    expect(check.structuredContent.messages).toHaveLength(1)
    faults.requests = 0
    faults.next(collision, 2)
    const busy = await relay.call('relay_check_new', args)
    expect(busy.content[0].text).toContain('busy')
    expect(faults.requests).toBe(2)
  },
)

test('a check is never repeated behind the back of its caller', async () => {
  const { faults, relay } = await startFaulty()
  await relay.call('relay_post_message', POST)
  faults.next('reset-after')
  faults.requests = 0
  const result = await relay.call('relay_check_new', { thread_name: 'a', reader_tag: 'r' })
  expect(result.content[0].text).toContain('relay_read_thread shows them')
  expect(faults.requests).toBe(1)
})

test('a peek is repeated once, since it moves nothing', async () => {
  const { faults, relay } = await startFaulty()
  await relay.call('relay_post_message', POST)
  faults.next('reset-after')
  const args = { thread_name: 'a', reader_tag: 'r', peek: true }
  const { structuredContent } = await relay.call('relay_check_new', args)
  expect(structuredContent).toMatchObject({ new_message_count: 1 })
})

test('the relay waits eight seconds, and does not claim an outcome', async () => {
  // Its calls arrive at the database after the test.
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
