/** relay_archive_thread, the names that a refusal suggests from, and relay_status. */
import { expect, test } from 'vitest'
import { createTestDatabase } from '../../support/database.ts'
import { fill, names, range, tools } from './calls.ts'

test('archiving hides a thread and restoring brings it back, each as often as one likes', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await relay.post('done')
  for (const archived of [true, true]) {
    expect(await relay.archive('done', { archived })).toEqual({ archived: true })
  }
  expect(await relay.list()).toMatchObject({ threads: [] })
  for (const archived of [false, false]) {
    expect(await relay.archive(' done ', { archived })).toEqual({ archived: false })
  }
  expect(names((await relay.list()).threads)).toEqual(['done'])
})

test('archiving keeps history, order and cursors', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  await fill(relay, 'done', 3)
  await relay.post('later')
  await relay.check('ci', { thread_name: 'done', limit: 2 })
  await relay.archive('done')
  expect(await relay.read('done')).toMatchObject({ messages: [{ seq: 3 }, { seq: 2 }, { seq: 1 }] })
  expect(await relay.check('ci', { thread_name: 'done' })).toMatchObject({ messages: [{ seq: 3 }] })
  await relay.archive('done', { archived: false })
  expect(names((await relay.list()).threads)).toEqual(['later', 'done'])
})

test('a thread that is not there is refused with the names that are, the latest first', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  for (const name of ['one', 'two', 'three']) await relay.create(name)
  await relay.post('one')
  await relay.archive('two')
  const refusal = { code: 'RL001', detail: 'tow', hint: '["one", "three", "two"]' }
  await expect(relay.archive('tow')).rejects.toMatchObject(refusal)
  await expect(relay.read('tow')).rejects.toMatchObject(refusal)
  await expect(relay.check('ci', { thread_name: 'tow' })).rejects.toMatchObject(refusal)
  expect((await relay.list({ include_archived: true })).threads).toHaveLength(3)
})

test('at most the 200 latest names are returned', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  for (const n of range(1, 201)) await relay.create(`thread ${n}`)
  const { hint } = await relay.read('none').catch((error) => error)
  expect(JSON.parse(hint)).toEqual(range(2, 201).map((n) => `thread ${203 - n}`))
})

test('the status tells schema, clock and counts', async () => {
  await using database = await createTestDatabase()
  const relay = tools(database)
  const empty = await relay.status()
  expect(empty).toMatchObject({ schema_version: 1, thread_count: 0, message_count: 0 })
  await fill(relay, 'one', 3)
  await fill(relay, 'two', 2)
  await relay.archive('two')
  await tools(database, 'aaaaaaaa-0000-4000-8000-000000000000').post('theirs')
  const full = await relay.status()
  expect(full).toMatchObject({ thread_count: 2, message_count: 5, other_thread_count: 1 })
  expect(Date.parse(full.now)).toBeGreaterThan(Date.parse(empty.now))
})

test('the status lists the functions that the API may call, with their arguments', async () => {
  await using database = await createTestDatabase()
  const owner = await database.connect('postgres')
  await owner.query('revoke execute on function public.relay_export from service_role')
  const { functions } = await tools(database).status()
  expect(functions).toMatchObject({
    'relay_archive_thread(p_user_id, p_thread_name, p_archived, p_caller)': true,
  })
  const [exporting = ''] = Object.keys(functions).filter((name) => name.startsWith('relay_export('))
  expect(functions[exporting]).toBe(false)
})
