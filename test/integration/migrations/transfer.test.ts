/** relay_export and relay_import: everything one person has, out of one database and into another. */
import { expect, test } from 'vitest'
import { createTestDatabase } from '../../support/database.ts'
import { type Caller, drain, fill, range, seqs, tools, USER } from './calls.ts'

const KINDS = ['thread', 'reader', 'cursor', 'message'] as const

// biome-ignore lint/suspicious/noExplicitAny: each kind of record has fields of its own.
type Records = any[]

async function exportAll(database: Caller): Promise<Records> {
  const { as_of } = await tools(database).status()
  const records: Records = []
  for (const kind of KINDS) {
    const args = { p_user_id: USER, p_kind: kind, p_as_of: as_of }
    records.push(...(await database.call('relay_export', args)))
  }
  return records
}

/** Sends records kind by kind, as the command does; `between` runs before each message is sent. */
async function importAll(database: Caller, records: Records, between?: () => Promise<unknown>) {
  const lastSeqs = Object.fromEntries(
    records.filter(({ kind }) => kind === 'thread').map(({ id, last_seq }) => [id, last_seq]),
  )
  const tags = records.filter(({ kind }) => kind === 'reader').map((each) => each.reader_tag)
  const threads = records.filter(({ kind }) => kind === 'thread').map(({ id }) => id)
  const counts: Record<string, number> = {}
  for (const kind of KINDS) {
    const all = records.filter((record) => record.kind === kind)
    const isApart = kind === 'message' && between
    for (const page of isApart ? all.map((record) => [record]) : [all]) {
      if (isApart) await between()
      const args = {
        p_user_id: USER,
        p_records: JSON.stringify(page),
        p_reader_tags: JSON.stringify(tags),
        p_thread_ids: kind === 'reader' ? JSON.stringify(threads) : null,
        p_last_seqs: JSON.stringify(lastSeqs),
      }
      for (const [name, count] of Object.entries(await database.call('relay_import', args))) {
        counts[name] = (counts[name] ?? 0) + Number(count)
      }
    }
  }
  return counts
}

test('a moved relay is the same relay: messages, readers, cursors and who posted', async () => {
  await using home = await createTestDatabase()
  await using away = await createTestDatabase()
  const relay = tools(home)
  await fill(relay, 'a', 30)
  await relay.check('ci')
  await relay.post('a', 'mine', { reader_tag: 'ci', to: 'nightly', caller: { client: 'Claude' } })
  await relay.post('a', 'theirs', { reader_tag: 'laptop' })
  const records = await exportAll(home)
  expect(await importAll(away, records)).toEqual({
    threads: 1,
    readers: 2,
    cursors: 2,
    messages: 32,
  })
  expect(await exportAll(away)).toEqual(records)
  expect(await importAll(away, records)).toEqual({
    threads: 0,
    readers: 0,
    cursors: 0,
    messages: 0,
  })

  const moved = tools(away)
  const answer = await moved.check('ci')
  expect(answer).toMatchObject({ messages: [{ seq: 32 }] })
  expect(answer).not.toHaveProperty('new_reader')
  expect((await moved.read('a', { seq: 31, lean: true })).messages[0]).toMatchObject({
    from: 'ci',
    to: 'nightly',
    via: 'Claude',
  })
})

test('replies, and what the person did, travel: the same messages are open, done and taken back', async () => {
  await using home = await createTestDatabase()
  await using away = await createTestDatabase()
  const [relay, owner] = [tools(home), await home.connect('postgres')]
  const asked = { reader_tag: 'me', to: 'you' }
  for (const n of range(1, 5)) await relay.post('a', `${n}`, asked)
  await relay.check('you', { limit: 2 })
  await relay.post('a', 'to the first two', { reader_tag: 'you' })
  await relay.post('a', 'to the third', { reader_tag: 'you', reply_to: 3 })
  await owner.query(`
    update relay_messages set settled_at = now() where seq = 4;
    update relay_messages set redacted_at = now(), content = '' where seq = 1;
    update relay_threads set archived = true, former_names = '{once}'`)
  const state = async (database: Caller) => {
    const there = tools(database)
    return [
      (await there.read(null, { to: 'you', open: true })).messages,
      (await there.read('once', { reader_tag: 'me', lean: true })).messages,
    ]
  }
  const before = await state(home)
  expect(seqs(before[0])).toEqual([5])
  await importAll(away, await exportAll(home))
  expect(await state(away)).toEqual(before)
  const { rows } = await (await away.connect('postgres')).query(`
    select archived_at is not null as archived from relay_threads`)
  expect(rows).toEqual([{ archived: true }])
})

test('a cursor beyond the imported messages is set to the end, so that nothing later is skipped', async () => {
  await using home = await createTestDatabase()
  await using away = await createTestDatabase()
  const relay = tools(home)
  await fill(relay, 'a', 3)
  await relay.check('ci')
  const records = await exportAll(home)
  for (const record of records) if (record.kind === 'cursor') record.last_read_seq = 99
  await importAll(away, records)
  const moved = tools(away)
  await fill(moved, 'a', 2)
  expect(seqs(await drain(moved, 'ci', { thread_name: 'a' }))).toEqual([4, 5])
})

test('readers that were here before are not flooded with imported messages', async () => {
  await using home = await createTestDatabase()
  await using away = await createTestDatabase()
  await fill(tools(home), 'imported', 5)
  await tools(home).check('traveller')
  const relay = tools(away)
  await fill(relay, 'local', 2)
  await relay.check('resident')
  await relay.post('local', 'unread')
  await importAll(away, await exportAll(home))
  expect((await drain(relay, 'resident')).map((m) => `${m.thread_name} ${m.seq}`)).toEqual([
    'local 3',
  ])
  await relay.post('imported', 'new')
  expect(seqs(await drain(relay, 'resident'))).toEqual([6])
  expect(seqs(await drain(relay, 'traveller', { thread_name: 'imported' }))).toEqual([6])
})

test('nor when someone posts to an imported thread before and between its messages', async () => {
  await using home = await createTestDatabase()
  await using away = await createTestDatabase()
  await fill(tools(home), 'imported', 5)
  const relay = tools(away)
  await relay.check('resident')
  await relay.check('poller')
  const polled: number[] = []
  await importAll(away, await exportAll(home), async () => {
    await relay.post('imported', 'live')
    polled.push(...seqs((await relay.check('poller')).messages))
  })
  expect(seqs(await drain(relay, 'resident'))).toEqual([6, 7, 8, 9, 10])
  expect([...polled, ...seqs(await drain(relay, 'poller'))]).toEqual([6, 7, 8, 9, 10])
  expect(seqs((await relay.read('imported')).messages)).toHaveLength(10)
})

test('a reader that was here before gets the import’s messages for it, with those after them', async () => {
  await using home = await createTestDatabase()
  await using away = await createTestDatabase()
  const there = tools(home)
  await fill(there, 'imported', 3)
  await there.post('imported', 'for you', { to: 'resident' })
  await there.post('imported', 'last')
  await fill(there, 'other', 2)
  const relay = tools(away)
  await relay.check('resident')
  await relay.check('bystander')
  // In one part, and in parts of one message each.
  const records = await exportAll(home)
  await importAll(away, records, async () => {})
  expect((await drain(relay, 'resident')).map((m) => `${m.thread_name} ${m.seq}`)).toEqual([
    'imported 4',
    'imported 5',
  ])
  expect(await drain(relay, 'bystander')).toEqual([])
  await importAll(away, records)
  expect(await drain(relay, 'resident')).toEqual([])

  await using third = await createTestDatabase()
  await tools(third).check('resident')
  await importAll(third, records)
  expect(seqs(await drain(tools(third), 'resident'))).toEqual([4, 5])
})

test('readers that come with an import are not flooded with earlier messages', async () => {
  await using home = await createTestDatabase()
  await using away = await createTestDatabase()
  const [there, relay] = [tools(home), tools(away)]
  await fill(there, 'imported', 2)
  await there.check('traveller')
  await there.check('known in both')
  await there.check('never introduced', { thread_name: 'imported' })
  await there.post('imported', 'unread')
  await there.post('opened since', 'unread')
  await fill(relay, 'local', 30)
  await relay.post('local', 'left for it', { to: 'traveller' })
  await relay.post('local', 'last')
  await relay.check('known in both', { thread_name: 'local', limit: 29 })
  await fill(relay, 'other', 30)
  await importAll(away, await exportAll(home))

  await relay.post('local', 'new')
  await relay.post('new here', 'new')
  const unread = async (reader: string) =>
    (await drain(relay, reader)).map((m) => `${m.thread_name} ${m.seq}`).toSorted()
  const expected = [
    'imported 3',
    'local 31',
    'local 32',
    'local 33',
    'new here 1',
    'opened since 1',
  ]
  expect(await unread('traveller')).toEqual(expected)
  expect(await unread('known in both')).toEqual(['local 30', ...expected].toSorted())
  // Introduced by its first check here, as any other.
  expect(await relay.check('never introduced')).toHaveProperty('skipped')
})

test('a reader that comes with a later import misses nothing of a thread that is here already', async () => {
  await using home = await createTestDatabase()
  await using away = await createTestDatabase()
  await fill(tools(home), 'old', 2)
  await tools(home).check('traveller')
  await fill(tools(home), 'a', 2)
  const begun = (await exportAll(home)).filter(({ kind }) => kind !== 'reader' && kind !== 'cursor')
  await importAll(away, begun)
  await fill(tools(home), 'a', 2)
  await importAll(away, await exportAll(home))
  expect(seqs(await drain(tools(away), 'traveller'))).toEqual([1, 2, 3, 4])
})

test('an import into an existing thread takes nothing from readers that have not read it', async () => {
  await using home = await createTestDatabase()
  await using away = await createTestDatabase()
  await fill(tools(home), 'a', 2)
  const begun = await exportAll(home)
  await importAll(away, begun)
  const relay = tools(away)
  await relay.check('resident')
  await relay.post('opened since', 'unread')
  await fill(tools(home), 'a', 2)
  await importAll(away, await exportAll(home))
  expect(
    (await drain(relay, 'resident')).map((m) => `${m.thread_name} ${m.seq}`).toSorted(),
  ).toEqual(['a 3', 'a 4', 'opened since 1'])
})

test('a thread from a clock that is ahead is exported', async () => {
  await using database = await createTestDatabase()
  const [relay, owner] = [tools(database), await database.connect('postgres')]
  await fill(relay, 'ahead', 2)
  await owner.query(`update relay_threads set created_at = now() + interval '1 hour'`)
  const records = await exportAll(database)
  expect(records.filter(({ kind }) => kind === 'thread')).toHaveLength(1)
  expect(records.filter(({ kind }) => kind === 'message')).toHaveLength(2)
})

test('an idempotency key that both relays used is refused with the thread, and nothing is added', async () => {
  await using home = await createTestDatabase()
  await using away = await createTestDatabase()
  await fill(tools(home), 'a', 1)
  await importAll(away, await exportAll(home))
  await tools(away).post('a', 'here', { idempotency_key: 'k' })
  await tools(away).post('a', 'here too')
  await fill(tools(home), 'a', 2)
  await tools(home).post('a', 'there', { idempotency_key: 'k' })
  const records = (await exportAll(home)).filter(({ seq }) => seq === undefined || seq === 4)
  await expect(importAll(away, records)).rejects.toMatchObject({ code: 'RL008', detail: 'a' })
  expect((await tools(away).read('a')).messages).toHaveLength(3)
})
