/** The person's actions on threads, messages and readers, as relay_manage runs them. */
import type { Client } from 'pg'
import { expect, test } from 'vitest'
import { createTestDatabase } from '../../support/database.ts'
import { contents, drain, fill, over, range, seqs, together, tools, USER } from './calls.ts'

interface Due {
  thread_name: string
  delete_at: string
}

async function open() {
  const database = await createTestDatabase()
  const owner = await database.connect('postgres')
  return {
    database,
    owner,
    relay: tools(database),
    manage: managing(owner),
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  }
}

const managing =
  (owner: Client) =>
  async (action: string, args: object): Promise<Record<string, unknown>> => {
    const sql = `select relay.${action}($1, $2::jsonb) as answer`
    return (await owner.query(sql, [USER, JSON.stringify(args)])).rows[0].answer
  }

test('a renamed thread is found under its former names, and the answers name it', async () => {
  await using here = await open()
  const { relay, manage } = here
  await relay.post('Old Name')
  expect(await manage('rename_thread', { thread_name: 'old-name', name: ' Middle ' })).toEqual({
    thread_name: 'Middle',
  })
  await manage('rename_thread', { thread_name: 'middle', name: 'newest' })
  for (const name of ['old name', 'MIDDLE', 'newest']) {
    expect(await relay.post(name, 'x', { reader_tag: 'me' })).toMatchObject({
      thread_name: 'newest',
    })
    expect(await relay.read(name)).toMatchObject({ thread_name: 'newest' })
  }
  expect(seqs((await relay.check('you', { thread_name: 'old-name' })).messages)).toEqual(
    range(1, 4),
  )
  expect((await relay.list()).threads).toHaveLength(1)
  // Back again, and with another spelling.
  await manage('rename_thread', { thread_name: 'newest', name: 'OLD name' })
  expect(await relay.post('old-name')).toMatchObject({ thread_name: 'OLD name' })
  expect(await relay.post('newest')).toMatchObject({ thread_name: 'OLD name' })
})

test('a name that belongs to another thread, now or formerly, is refused', async () => {
  await using here = await open()
  const { relay, manage } = here
  for (const name of ['one', 'two', 'three']) await relay.post(name)
  await manage('rename_thread', { thread_name: 'three', name: 'four' })
  for (const name of ['Two', 'THREE', 'four']) {
    await expect(manage('rename_thread', { thread_name: 'one', name })).rejects.toMatchObject({
      code: 'RL002',
    })
  }
  // Made on purpose, a thread takes the former name away.
  expect(await relay.create('three')).toMatchObject({ name: 'three' })
  expect(await relay.post('three')).toMatchObject({ thread_name: 'three', seq: 1 })
  expect(await relay.post('four')).toMatchObject({ thread_name: 'four', seq: 2 })
})

test('renamings, posts and new threads that race make no second thread and lose nothing', async () => {
  await using here = await open()
  const { relay, database } = here
  await relay.check('me')
  await relay.post('a 0')
  const callers = await together(6, async () => tools(over(await database.connect())))
  const owners = await together(2, async () => managing(await database.connect('postgres')))
  await Promise.all([
    ...callers.map(async (caller, index) => {
      for (const n of range(1, 20)) await caller.post(n % 2 ? 'a 0' : 'a-1', `${index} ${n}`)
    }),
    ...owners.map(async (manage, index) => {
      for (const n of range(1, 20)) {
        await manage('rename_thread', { thread_name: 'a 0', name: `a ${(n + index) % 2}` }).catch(
          ({ code }) => expect(code).toBe('RL002'),
        )
      }
    }),
  ])
  const { threads } = await relay.list({ include_archived: true })
  const total = threads.reduce(
    (sum: number, each: { message_count: number }) => sum + each.message_count,
    0,
  )
  expect(total).toBe(121)
  expect(await drain(relay, 'me')).toHaveLength(121)
})

test('a message that is taken back leaves its place, and nothing of itself', async () => {
  await using here = await open()
  const { relay, manage, owner } = here
  await relay.check('me')
  await relay.check('you')
  const secret = { metadata: { key: 'hunter2' }, reader_tag: 'me', idempotency_key: 'k', to: 'you' }
  await relay.post('a', 'the password is hunter2', secret)
  await relay.post('a', 'next')
  expect(await manage('redact_message', { thread_name: 'a', seq: 1 })).toEqual({ redacted: true })
  const { rows } = await owner.query(`select * from relay_messages`)
  expect(JSON.stringify(rows)).not.toContain('hunter2')
  for (const lean of [true, false]) {
    const answers = [
      await relay.read('a', { lean }),
      await relay.read('a', { lean, seq: 1 }),
      await relay.list({ preview: true, lean }),
      await relay.check('you', { lean, peek: true }),
      await relay.post('b', 'x', { lean, reader_tag: 'you' }),
    ]
    expect(JSON.stringify(answers)).not.toContain('hunter2')
  }
  expect((await relay.read(null, { query: 'hunter2' })).messages).toEqual([])
  // The reader that had not received it gets the empty message: nothing is skipped.
  const { messages } = await relay.check('you', { lean: true, thread_name: 'a' })
  expect(messages).toMatchObject([{ seq: 1, content: '', redacted: true }, { seq: 2 }])
  expect(messages[0]).not.toHaveProperty('open')
  expect(await relay.list()).toMatchObject({ threads: [{}, { message_count: 2 }] })
  // Sent again under its key it is still a duplicate, whatever it says.
  expect(await relay.post('a', 'something else', secret)).toMatchObject({ duplicate: true, seq: 1 })
})

test('done and not done, and the list says that a thread has changed', async () => {
  await using here = await open()
  const { relay, manage } = here
  await relay.post('a', 'for the person', { reader_tag: 'me', to: 'board' })
  const openToPerson = async () =>
    contents((await relay.read(null, { to: 'board', open: true })).messages)
  const asked = { thread_name: 'a', seq: 1 }
  expect((await relay.list({ lean: true })).threads[0]).not.toHaveProperty('changed_at')
  expect(await manage('settle_message', asked)).toEqual({ settled: true })
  expect(await openToPerson()).toEqual([])
  const [{ changed_at: first }] = (await relay.list({ lean: true })).threads
  expect(await manage('settle_message', { ...asked, settled: false })).toEqual({ settled: false })
  expect(await openToPerson()).toEqual(['for the person'])
  const [{ changed_at: second }] = (await relay.list({ lean: true })).threads
  expect(second > first).toBe(true)
  await expect(manage('settle_message', { thread_name: 'a', seq: 2 })).rejects.toMatchObject({
    code: 'RL010',
  })
})

test('a description is set and taken away', async () => {
  await using here = await open()
  const { relay, manage } = here
  await relay.post('a')
  await manage('describe_thread', { thread_name: 'A', description: 'Where it stands' })
  expect((await relay.list()).threads).toMatchObject([{ description: 'Where it stands' }])
  await manage('describe_thread', { thread_name: 'a', description: '' })
  expect((await relay.list()).threads).toMatchObject([{ description: null }])
})

test('only an archived thread is deleted, by its whole name, and a new one begins at seq 1', async () => {
  await using here = await open()
  const { relay, manage, owner } = here
  await fill(relay, 'a', 3)
  await relay.check('me')
  const confirmed = { thread_name: 'a', confirm: 'a' }
  await expect(manage('delete_thread', confirmed)).rejects.toMatchObject({ detail: 'archived' })
  await relay.archive('a')
  const misspelled = { thread_name: 'a', confirm: 'A' }
  await expect(manage('delete_thread', misspelled)).rejects.toMatchObject({ detail: 'confirm' })
  expect(await manage('delete_thread', confirmed)).toEqual({ deleted: true, message_count: 3 })
  const { rows } = await owner.query('select count(*)::int as left from relay_messages')
  expect(rows).toEqual([{ left: 0 }])
  expect(await relay.post('a', 'anew')).toMatchObject({ seq: 1 })
  expect(contents((await relay.check('me')).messages)).toEqual(['anew'])
})

test('a forgotten reader is refused for a minute, and then new', async () => {
  await using here = await open()
  const { relay, manage, owner } = here
  await relay.check('me')
  await relay.check('you')
  await relay.post('a', 'received', { reader_tag: 'you', to: 'me' })
  await relay.check('me')
  await relay.post('a', 'not yet received', { reader_tag: 'you', to: 'me' })
  expect(await manage('forget_reader', { reader_tag: 'me' })).toEqual({ forgotten: true })
  await expect(relay.check('me')).rejects.toMatchObject({ code: 'RL017' })
  await expect(relay.post('a', 'x', { reader_tag: 'me' })).rejects.toMatchObject({ code: 'RL017' })
  await expect(manage('forget_reader', { reader_tag: 'me' })).rejects.toMatchObject({
    code: 'RL019',
  })
  await expect(manage('forget_reader', { reader_tag: 'board' })).rejects.toMatchObject({
    code: 'RL019',
  })
  expect((await relay.list()).readers.map((r: { reader_tag: string }) => r.reader_tag)).toEqual([
    'you',
  ])
  expect((await manage('list_readers', {})).readers).toMatchObject([{ reader_tag: 'you' }])
  // Received messages count as settled, and the others are left for the reader that comes.
  const { messages } = await relay.read(null, { to: 'me', open: true })
  expect(contents(messages)).toEqual(['not yet received'])
  await owner.query(
    `update relay_readers set forgotten_at = now() - interval '61 s' where forgotten_at is not null`,
  )
  const again = await relay.check('me')
  expect(again).toMatchObject({ new_reader: true, new_message_count: 2 })
  expect(await relay.check('me')).toMatchObject({ new_message_count: 0 })
})

test('forgetting a reader while it posts and checks ends in one of the two orders, without deadlock', async () => {
  await using here = await open()
  const { relay, manage, database } = here
  await relay.check('me')
  const callers = await together(6, async () => tools(over(await database.connect())))
  let refused = 0
  const calls = callers.map(async (caller, index) => {
    for (const n of range(1, 15)) {
      const call = n % 2 ? caller.post(`t${index}`, 'x', { reader_tag: 'me' }) : caller.check('me')
      await call.catch(({ code }) => {
        expect(code).toBe('RL017')
        refused += 1
      })
    }
  })
  await manage('forget_reader', { reader_tag: 'me' })
  await Promise.all(calls)
  expect(refused).toBeGreaterThan(0)
})

test('readers come 50 at a time, and one of them with its unread count', async () => {
  await using here = await open()
  const { relay, manage, owner } = here
  await relay.check('me')
  await fill(relay, 'a', 3)
  await owner.query(`
    insert into relay_readers (user_id, reader_tag)
    select '${USER}', 'r' || lpad(n::text, 3, '0') from generate_series(1, 70) n`)
  const first = (await manage('list_readers', {})) as { readers: object[]; next_after: string }
  expect(first.readers).toHaveLength(50)
  const rest = await manage('list_readers', { after: first.next_after })
  expect(rest.readers).toHaveLength(21)
  expect(rest).not.toHaveProperty('next_after')
  expect(await manage('list_readers', { reader_tag: 'me' })).toMatchObject({
    readers: [{ reader_tag: 'me', unread_count: 3 }],
  })
})

test('due for deletion are threads that were archived and silent, without an open message', async () => {
  await using here = await open()
  const { relay, owner } = here
  for (const name of ['old', 'recent', 'reopened', 'asked']) await relay.post(name)
  await relay.post('asked', 'Well?', { reader_tag: 'me', to: 'you' })
  for (const name of ['old', 'recent', 'reopened', 'asked']) await relay.archive(name)
  await owner.query(`
    update relay_threads set archived_at = now() - interval '40 days', last_message_at = now() - interval '40 days'
    where name <> 'recent'`)
  await relay.archive('reopened', { archived: false })
  const due = async () =>
    (await owner.query(`select name from relay.due_threads($1, 30, interval '7 days')`, [USER]))
      .rows
  expect(await due()).toEqual([{ name: 'old' }])
  await relay.archive('reopened')
  expect(await due()).toEqual([{ name: 'old' }])
})

test('the daily run deletes at most 20 due threads, and only after a week as due', async () => {
  await using here = await open()
  const { relay, database, owner, manage } = here
  const daily = (args = '') =>
    database.call('relay_daily', { p_user_id: USER, ...(args && { p_days: 30 }) })
  for (const n of range(1, 22)) {
    await relay.post(`t${n}`)
    await relay.archive(`t${n}`)
  }
  const age = (days: number) =>
    owner.query(`
      update relay_threads set archived_at = now() - interval '${days} days', last_message_at = now() - interval '${days} days'`)
  await age(36)
  expect(await daily('30')).toEqual({ deleted: [], due_thread_count: 22 })
  await age(38)
  expect(
    await database.call('relay_daily', { p_user_id: USER, p_days: 30, p_deletes: false }),
  ).toEqual({
    deleted: [],
    due_thread_count: 22,
  })
  const { rows } = await owner.query(`select to_json(now() - interval '1 day')::text as due`)
  const { threads } = (await manage('list_due_threads', { days: 30 })) as { threads: Due[] }
  expect(threads).toHaveLength(22)
  for (const { delete_at } of threads) {
    expect(Math.abs(Date.parse(delete_at) - Date.parse(JSON.parse(rows[0].due)))).toBeLessThan(
      60_000,
    )
  }
  // Off, it deletes nothing.
  expect(await manage('list_due_threads', {})).toEqual({ threads: [] })
  expect(await daily()).toEqual({ deleted: [], due_thread_count: null })
  expect((await daily('30')).deleted).toHaveLength(20)
  expect((await daily('30')).deleted).toHaveLength(2)
  expect(await relay.list({ include_archived: true })).toMatchObject({ threads: [] })
})

test('a sign-in that was cut off or unused for a year is forgotten by the daily run, and no key is', async () => {
  await using here = await open()
  const { database, owner } = here
  await owner.query(`
    insert into relay_connections (user_id, gid, name, scope, kind, created_at, last_used_at, revoked_at)
    select '${USER}', kind || ' ' || state, state, 'mcp', kind, now() - interval '2 years', used, cut
    from (values ('used', now(), null), ('unused', null, null),
      ('cut', now(), now() - interval '367 days'), ('just cut', null, now())) c (state, used, cut),
      (values ('oauth'), ('key')) k (kind)`)
  await database.call('relay_daily', { p_user_id: USER })
  const { rows } = await owner.query('select gid from relay_connections order by 1')
  // A key that was cut off is good again without its row.
  expect(rows.map(({ gid }) => gid)).toEqual([
    'key cut',
    'key just cut',
    'key unused',
    'key used',
    'oauth just cut',
    'oauth used',
  ])
})
