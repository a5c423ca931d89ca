/** Completion of thread names: the offers, their order, and the refusals. */
import { expect, test } from 'vitest'
import { startFaults } from '../../support/faults.ts'
import { createTestRelay, type TestRelay } from '../../support/relay.ts'
import { ERAS, post, request } from './rpc.ts'

const THREAD = { type: 'ref/resource', uri: 'relay://threads/{name}' }
const HAND_OFF = { type: 'ref/prompt', name: 'hand_off' }

const complete = async (relay: TestRelay, value: string, ref: object = THREAD, name = 'name') =>
  (await request(relay, 'legacy', 'completion/complete', { ref, argument: { name, value } })).body
    .result?.completion

test('names that start so come first, archived ones last, else the latest', async () => {
  await using relay = await createTestRelay()
  const names = ['Release', 'old-release', 'release-old', 'the-release', 'release-new', 'other']
  for (const name of names) await post(relay, name)
  for (const thread_name of ['old-release', 'release-old']) {
    await relay.call('relay_archive_thread', { thread_name })
  }
  expect(await complete(relay, 'reLease')).toEqual({
    values: ['release-new', 'Release', 'the-release', 'release-old', 'old-release'],
    total: 5,
    hasMore: false,
  })
  expect((await complete(relay, '')).values).toEqual([
    ...['other', 'release-new', 'the-release', 'Release'],
    ...['release-old', 'old-release'],
  ])
  expect(await complete(relay, 'nothing')).toEqual({ values: [], total: 0, hasMore: false })
})

test.each(['%', '_', '\\', '"', "'", '100 %', 'ü 🚀', '.*'])(
  '%j is looked for as it is',
  async (value) => {
    await using relay = await createTestRelay()
    await post(relay, 'plain')
    await post(relay, `x${value}y`)
    expect((await complete(relay, value)).values).toEqual([`x${value}y`])
  },
)

test('names are found without their accents', async () => {
  await using relay = await createTestRelay()
  await post(relay, 'Décisions')
  expect((await complete(relay, 'decis')).values).toEqual(['Décisions'])
})

test.each(ERAS)('%s: threads are offered for the prompts and for the address', async (era) => {
  await using relay = await createTestRelay()
  await post(relay, 'release')
  for (const [ref, name] of [
    [THREAD, 'name'],
    [HAND_OFF, 'thread'],
    [{ type: 'ref/prompt', name: 'catch_up' }, 'thread'],
  ] as const) {
    const params = {
      ref,
      argument: { name, value: 'rel' },
      context: { arguments: { focus: 'the end' } },
    }
    const { body } = await request(relay, era, 'completion/complete', params)
    expect(body.result.completion).toEqual({ values: ['release'], total: 1, hasMore: false })
    expect(body.result).not.toHaveProperty('ttlMs')
  }
  expect(relay.gateway.requests.get('relay_complete_name')).toBe(3)
})

test('a hundred are offered, and how many there are', async () => {
  await using relay = await createTestRelay()
  await relay.database
    .pool(1, 'postgres')
    .query(`insert into relay_threads (user_id, name) select $1, 'a' || generate_series(1, 250)`, [
      relay.userId,
    ])
  const { values, ...counts } = await complete(relay, 'a')
  expect(new Set(values).size).toBe(100)
  expect(counts).toEqual({ total: 250, hasMore: true })
})

test('for other arguments, and for impossible names, nothing is offered or asked', async () => {
  await using relay = await createTestRelay()
  const nothing = { values: [], total: 0, hasMore: false }
  expect(await complete(relay, 'x', HAND_OFF, 'focus')).toEqual(nothing)
  const catchUp = { type: 'ref/prompt', name: 'catch_up' }
  expect(await complete(relay, 'x', catchUp, 'reader_tag')).toEqual(nothing)
  for (const value of ['a\0', '\ud800', 'x'.repeat(100_000)]) {
    expect(await complete(relay, value)).toEqual(nothing)
  }
  expect(relay.gateway.requests.size).toBe(0)
})

const ARGUMENT = { name: 'name', value: '' }

test.each<[string, Record<string, unknown>]>([
  ['nothing', {}],
  ['no argument', { ref: THREAD }],
  ['no reference', { argument: ARGUMENT }],
  ['a reference as text', { ref: 'relay://threads/{name}', argument: ARGUMENT }],
  ['a reference to a tool', { ref: { type: 'ref/tool', name: 'x' }, argument: ARGUMENT }],
  ['a prompt without a name', { ref: { type: 'ref/prompt' }, argument: ARGUMENT }],
  ['no such prompt', { ref: { type: 'ref/prompt', name: 'x' }, argument: ARGUMENT }],
  ['no such template', { ref: { ...THREAD, uri: 'file:///{name}' }, argument: ARGUMENT }],
  ['not a template', { ref: { ...THREAD, uri: 'relay://threads' }, argument: ARGUMENT }],
  ['no such argument', { ref: THREAD, argument: { name: 'thread', value: '' } }],
  ['no such argument of a prompt', { ref: HAND_OFF, argument: ARGUMENT }],
  ['a value as a number', { ref: THREAD, argument: { name: 'name', value: 1 } }],
  ['no value', { ref: THREAD, argument: { name: 'name' } }],
  ['a context as text', { ref: THREAD, argument: ARGUMENT, context: 'x' }],
  [
    'context arguments as an array',
    { ref: THREAD, argument: ARGUMENT, context: { arguments: [] } },
  ],
])('%s is an error of parameters', async (_, params) => {
  await using relay = await createTestRelay()
  for (const era of ERAS) {
    const { status, body } = await request(relay, era, 'completion/complete', params)
    expect({ status, code: body.error?.code }).toEqual({ status: 200, code: -32602 })
    expect(body.error.message).toMatch(/^[A-Za-z][^\n]{10,300}$/)
  }
  expect(relay.gateway.requests.size).toBe(0)
})

test('with the database away it says so', async () => {
  await using faults = await startFaults()
  await using relay = await createTestRelay({ faults })
  await faults.always('html-502')
  const params = { ref: THREAD, argument: ARGUMENT }
  const { status, body } = await request(relay, 'modern', 'completion/complete', params)
  expect({ status, code: body.error.code }).toEqual({ status: 200, code: -32603 })
  expect(await relay.log()).toMatchObject({ error_code: 'database_unreachable' })
})
