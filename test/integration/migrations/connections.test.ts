/** The grant that each call takes, and cutting it off while calls run. */
import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { createTestDatabase } from '../../support/database.ts'
import { over, range, together, tools, USER, waitingForLocks } from './calls.ts'

const KEY = { gid: 'key', kind: 'key', scope: 'mcp' }
const LAPTOP = { gid: 'laptop', kind: 'key', client: 'Laptop', scope: 'mcp' }

const REVOKED = { code: 'RL014' }

type Connection = Parameters<typeof over>[0]

const manage = (connection: Connection, action: string, args: object, caller: object = KEY) =>
  over(connection).call('relay_manage', {
    p_user_id: USER,
    p_action: action,
    p_args: JSON.stringify(args),
    p_caller: JSON.stringify(caller),
  })

const disconnect = (connection: Connection, gid = LAPTOP.gid, caller: object = KEY) =>
  manage(connection, 'disconnect', { gid }, caller)

test('of 200 calls that race with Disconnect, none commits after it has answered', async () => {
  for (const _ of range(1, 3)) {
    await using database = await createTestDatabase()
    const owner = await database.connect('postgres')
    const [relay, manager] = [tools(database), await database.connect()]
    await relay.post('a', 'x', { caller: LAPTOP })
    const written = async () => {
      const { rows } = await owner.query(
        `select (select count(*)::int from relay_messages) as messages,
          (select sum(last_read_seq)::int from relay_read_cursors) as read,
          (select count(*)::int from relay_readers) as readers`,
      )
      return rows[0]
    }
    const halfway = Promise.withResolvers<void>()
    let done = 0
    const calls = together(200, async (n) => {
      const reader_tag = `reader ${n % 7}`
      const call =
        n % 2
          ? relay.check(reader_tag, { caller: LAPTOP })
          : relay.post('a', 'x', { reader_tag, caller: LAPTOP })
      const outcome = await call.then(
        () => 'done',
        ({ code }) => code,
      )
      done += 1
      if (done === 40) halfway.resolve()
      return outcome
    })
    await halfway.promise
    await disconnect(manager)
    const afterwards = await written()
    const outcomes = await calls
    expect(new Set(outcomes)).toEqual(new Set(['done', 'RL014']))
    expect(await written()).toEqual(afterwards)
  }
})

test('Disconnect waits for a call that has begun, and what that wrote stays', async () => {
  await using database = await createTestDatabase()
  const [owner, session] = [await database.connect('postgres'), await database.connect()]
  await tools(database).post('a', 'x', { caller: LAPTOP })
  await session.query('begin')
  await tools(over(session)).post('a', 'y', { caller: LAPTOP })
  const cut = disconnect(await database.connect())
  await waitingForLocks(owner, 1)
  await session.query('commit')
  expect(await cut).toMatchObject({ disconnected: true })
  expect((await tools(database).read('a')).messages).toHaveLength(2)
})

test('a call that waited for Disconnect sees it, and writes nothing', async () => {
  await using database = await createTestDatabase()
  const owner = await database.connect('postgres')
  const [relay, manager] = [tools(database), await database.connect()]
  await relay.post('a', 'x', { caller: LAPTOP })
  await manager.query('begin')
  await disconnect(manager)
  const late = relay.post('a', 'y', { caller: LAPTOP }).catch((error) => error)
  await waitingForLocks(owner, 1)
  await manager.query('commit')
  expect(await late).toMatchObject(REVOKED)
  expect((await relay.read('a')).messages).toHaveLength(1)
})

/** Every function that the Worker calls for a caller. */
const FUNCTIONS: [string, object][] = [
  ['relay_archive_thread', { p_thread_name: 'a' }],
  ['relay_check_new', { p_reader_tag: 'r' }],
  ['relay_complete_name', { p_value: 'a' }],
  ['relay_create_thread', { p_name: 'b' }],
  ['relay_give_back', { p_reader_tag: 'r', p_moved: '[]' }],
  ['relay_list_threads', {}],
  ['relay_manage', { p_action: 'list_connections', p_args: '{}' }],
  ['relay_page_threads', { p_limit: 1 }],
  ['relay_poll_events', {}],
  [
    'relay_post_message',
    { p_message_id: randomUUID(), p_thread_name: 'a', p_content: 'x', p_surface: 'code' },
  ],
  ['relay_read_thread', { p_thread_name: 'a' }],
  ['relay_subscribe', { p_target: {}, p_ttl_ms: 1, p_is_verified: false }],
  ['relay_unsubscribe', { p_target: {} }],
  ['relay_use_grant', {}],
]

test.each(FUNCTIONS)('%s takes the grant before any other lock', async (fn, args) => {
  await using database = await createTestDatabase()
  const [owner, session] = [await database.connect('postgres'), await database.connect()]
  await tools(database).post('a', 'x', { caller: LAPTOP })
  const call = () =>
    over(session).call(fn, { p_user_id: USER, ...args, p_caller: JSON.stringify(LAPTOP) })
  await owner.query('begin')
  await owner.query(`select pg_advisory_xact_lock(hashtextextended($1 || ' laptop', 3))`, [USER])
  const waiting = call().catch((error) => error)
  const observer = await database.connect('postgres')
  await waitingForLocks(observer, 1)
  const { rows } = await observer.query(
    `select count(*)::int as held from pg_locks l join pg_stat_activity a using (pid)
    where a.usename = 'service_role' and l.granted and l.locktype = 'advisory'`,
  )
  expect(rows).toEqual([{ held: 0 }])
  await owner.query(`update relay_connections set revoked_at = now() where gid = 'laptop'`)
  await owner.query('commit')
  expect(await waiting).toMatchObject(REVOKED)
  await expect(call()).rejects.toMatchObject(REVOKED)
})

test('every function of the API that takes a caller is among these', async () => {
  await using database = await createTestDatabase()
  const owner = await database.connect('postgres')
  const { rows } = await owner.query(
    `select proname as name from pg_proc
    where pronamespace = 'public'::regnamespace and 'p_caller' = any (proargnames) order by 1`,
  )
  expect(rows.map(({ name }) => name)).toEqual(FUNCTIONS.map(([name]) => name))
})

test('connections that cut each other off do not deadlock', async () => {
  await using database = await createTestDatabase()
  const owner = await database.connect('postgres')
  const managers = await together(12, () => database.connect())
  for (const round of range(1, 10)) {
    const gids = managers.map((_, n) => `board ${round} ${n}`)
    await owner.query(
      `insert into relay_connections (user_id, gid, name, client, scope, kind)
      select $1, gid, 'Relay board', 'hash', 'mcp', 'oauth' from unnest($2::text[]) gid`,
      [USER, gids],
    )
    const outcomes = await together(gids.length, (n) => {
      const caller = { ...LAPTOP, kind: 'oauth', gid: gids[n], board: 'hash' }
      const next = gids[n ^ 1]
      return disconnect(managers[n] as Connection, next, caller).then(
        () => 'cut',
        ({ code }) => code,
      )
    })
    // Of two, one is cut off and the other refused.
    for (const outcome of outcomes) expect(['cut', 'RL014']).toContain(outcome)
  }
})

test('the last use is noted once an hour, and no call waits to note it', async () => {
  await using database = await createTestDatabase()
  const [owner, relay] = [await database.connect('postgres'), tools(database)]
  const lastUse = async () => {
    const { rows } = await owner.query(
      `select last_used_at as time, ctid from relay_connections where gid = 'laptop'`,
    )
    return rows[0]
  }
  await relay.list({ caller: LAPTOP })
  const first = await lastUse()
  await relay.list({ caller: LAPTOP })
  expect(await lastUse()).toEqual(first)
  await owner.query(`update relay_connections set last_used_at = now() - interval '61 minutes'`)
  const held = await database.connect('postgres')
  await held.query('begin')
  await held.query(`select from relay_connections where gid = 'laptop' for update`)
  await relay.list({ caller: LAPTOP })
  await held.query('rollback')
  expect((await lastUse()).time < first.time).toBe(true)
  await relay.list({ caller: LAPTOP })
  expect((await lastUse()).time >= first.time).toBe(true)
})

test('a call without a caller, as 0.1.0 and the commands make it, makes no connection', async () => {
  await using database = await createTestDatabase()
  const [owner, relay] = [await database.connect('postgres'), tools(database)]
  await relay.post('a')
  await relay.post('a', 'x', { caller: { client: 'Claude' } })
  expect((await owner.query('select from relay_connections')).rows).toEqual([])
})

test('the key of the relay is one connection, which is neither listed nor cut off', async () => {
  await using database = await createTestDatabase()
  const [owner, relay] = [await database.connect('postgres'), tools(database)]
  await relay.list({ caller: KEY })
  await relay.list({ caller: KEY })
  const { rows } = await owner.query('select gid, name, revoked_at from relay_connections')
  expect(rows).toEqual([{ gid: 'key', name: `the relay's key`, revoked_at: null }])
  const manager = await database.connect()
  expect(await manage(manager, 'list_connections', {})).toEqual({ connections: [] })
  await expect(disconnect(manager, 'key')).rejects.toMatchObject({ code: 'RL016' })
  await relay.list({ caller: KEY })
})

test.each<[string, object, object]>([
  ['a key with the hash of the board', { kind: 'key', client: 'hash' }, {}],
  ['another client', { kind: 'oauth', client: 'other' }, {}],
  ['a client without a hash', { kind: 'oauth', client: null }, {}],
  ['a caller that names no board', { kind: 'oauth', client: null }, { board: undefined }],
  ['the board with a grant to read', { kind: 'oauth', client: 'hash', scope: 'mcp:read' }, {}],
  ['the board with a token to read', { kind: 'oauth', client: 'hash' }, { scope: 'mcp:read' }],
  ['no gid', { kind: 'oauth', client: 'hash' }, { gid: undefined }],
])('%s may not manage', async (_, row, caller) => {
  await using database = await createTestDatabase()
  const owner = await database.connect('postgres')
  const stored = { scope: 'mcp', ...row } as Record<string, string | null>
  await owner.query(
    `insert into relay_connections (user_id, gid, name, client, scope, kind)
    values ($1, 'one', 'Relay board', $2, $3, $4), ($1, 'victim', 'x', null, 'mcp', 'key')`,
    [USER, stored.client, stored.scope, stored.kind],
  )
  const asked = { gid: 'one', kind: 'oauth', client: 'Relay board', scope: 'mcp', board: 'hash' }
  const manager = await database.connect()
  for (const [action, args] of [
    ['list_connections', {}],
    ['disconnect', { gid: 'victim' }],
    ['make_key', { gid: 'mine', name: 'mine', scope: 'mcp' }],
  ] as const) {
    const attempt = manage(manager, action, args, { ...asked, ...caller })
    await expect(attempt).rejects.toMatchObject({ code: 'RL015' })
  }
  const { rows } = await owner.query(
    `select gid from relay_connections where gid = 'mine' or revoked_at is not null`,
  )
  expect(rows).toEqual([])
})
