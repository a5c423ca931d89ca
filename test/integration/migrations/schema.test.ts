/** The schema after the migration, on an empty project, run again, and over 0.1.0. */
import { readFile } from 'node:fs/promises'
import type { Client } from 'pg'
import { expect, test } from 'vitest'
import { createTestDatabase } from '../../support/database.ts'
import { fill, over, tools, USER } from './calls.ts'
import { SCHEMA_0_1_0 } from './legacy.ts'

const MIGRATION = await readFile(
  new URL('../../../migrations/001_initial.sql', import.meta.url),
  'utf8',
)

/** The functions that PostgREST calls. The others serve these. */
const API = [
  'relay_archive_thread',
  'relay_check_new',
  'relay_complete_name',
  'relay_create_thread',
  'relay_daily',
  'relay_deliver',
  'relay_export',
  'relay_give_back',
  'relay_import',
  'relay_list_threads',
  'relay_manage',
  'relay_page_threads',
  'relay_poll_events',
  'relay_post_message',
  'relay_read_thread',
  'relay_scheduled',
  'relay_status',
  'relay_subscribe',
  'relay_unsubscribe',
  'relay_use_grant',
]
/** Those that do what service_role may not. */
const OWNED = [
  'relay_daily',
  'relay_deliver',
  'relay_manage',
  'relay_scheduled',
  'relay_subscribe',
  'relay_unsubscribe',
]
const TABLES = [
  'relay_connections',
  'relay_deliveries',
  'relay_messages',
  'relay_read_cursors',
  'relay_readers',
  'relay_schedule',
  'relay_targets',
  'relay_threads',
]

test('the migration applies to an empty project', async () => {
  await using database = await createTestDatabase({ empty: true })
  const owner = await database.connect('postgres')
  await owner.query(MIGRATION)
  const relay = tools(database)
  await fill(relay, 'release', 2)
  expect(await relay.status()).toMatchObject({ schema_version: 1, message_count: 2 })
})

test('it needs no extension', async () => {
  await using database = await createTestDatabase()
  const owner = await database.connect('postgres')
  const { rows } = await owner.query('select extname from pg_extension')
  expect(rows).toEqual([{ extname: 'plpgsql' }])
})

test('a second run changes nothing, and does not wait for writers', async () => {
  await using database = await createTestDatabase()
  const [owner, writer] = [await database.connect('postgres'), await database.connect('postgres')]
  const relay = tools(database)
  await fill(relay, 'release', 3)
  await relay.check('ci', { limit: 1, caller: { gid: 'a', kind: 'key', scope: 'mcp' } })
  const before = [await catalogue(owner), await contentsOf(owner)]

  await writer.query('begin')
  for (const table of TABLES) {
    await writer.query(`lock table public.${table} in row exclusive mode`)
  }
  await owner.query(MIGRATION.replace(`lock_timeout = '10s'`, `lock_timeout = '1ms'`))
  await writer.query('commit')
  expect([await catalogue(owner), await contentsOf(owner)]).toEqual(before)
})

test('two first runs at the same time both leave a complete schema', async () => {
  await using database = await createTestDatabase({ empty: true })
  const owners = [await database.connect('postgres'), await database.connect('postgres')]
  const runs = await Promise.allSettled(owners.map((owner) => owner.query(MIGRATION)))
  expect(runs.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled'])
  expect(await tools(database).post('release')).toMatchObject({ seq: 1 })
})

test('an upgraded schema equals a fresh one', async () => {
  await using fresh = await createTestDatabase()
  await using upgraded = await createTestDatabase({ empty: true })
  const [one, other] = [await fresh.connect('postgres'), await upgraded.connect('postgres')]
  await other.query(SCHEMA_0_1_0)
  await other.query(MIGRATION)
  const expected = await catalogue(one)
  expect(expected.columns?.length).toBeGreaterThan(20)
  expect(await catalogue(other)).toEqual(expected)
})

test('only service_role may call the functions, also in a project that grants to all', async () => {
  for (const setup of ['', SCHEMA_0_1_0]) {
    await using database = await createTestDatabase({ empty: true })
    const owner = await database.connect('postgres')
    await owner.query(setup)
    await owner.query(MIGRATION)
    const functions = await relayFunctions(owner)
    expect(functions.filter((each) => each.schema === 'public').map((each) => each.name)).toEqual(
      API,
    )
    for (const { name, anon, authenticated, everyone } of functions) {
      expect({ name, anon, authenticated, everyone }).toEqual({
        name,
        anon: false,
        authenticated: false,
        everyone: false,
      })
    }
    expect(functions.filter(({ service }) => !service)).toEqual([])
    for (const role of ['anon', 'authenticated'] as const) {
      const stranger = await database.connect(role)
      const call = stranger.query('select public.relay_status($1)', [USER])
      await expect(call).rejects.toMatchObject({ code: '42501' })
      for (const table of TABLES) {
        const select = stranger.query(`select * from public.${table}`)
        await expect(select).rejects.toMatchObject({ code: '42501' })
      }
    }
  }
})

test('every function of the API may write, runs as its caller but for a few, and looks nothing up by path', async () => {
  await using database = await createTestDatabase()
  const owner = await database.connect('postgres')
  const functions = await relayFunctions(owner)
  // One signature each: between two, the API cannot choose.
  expect(new Set(functions.map(({ name }) => name)).size).toBe(functions.length)
  for (const { name, definer, settings, volatility } of functions) {
    expect({ name, definer }).toEqual({ name, definer: OWNED.includes(name) })
    expect(settings, name).toContain('search_path=""')
    if (API.includes(name)) expect({ name, volatility }).toEqual({ name, volatility: 'v' })
  }
})

test('no tool waits for a lock longer than four seconds', async () => {
  await using database = await createTestDatabase()
  const owner = await database.connect('postgres')
  const waiting = (await relayFunctions(owner)).filter(({ settings }) =>
    settings.includes('lock_timeout=4s'),
  )
  expect(waiting.map(({ name }) => name)).toEqual(API.filter((name) => name !== 'relay_status'))
})

test('searches are planned for their words, and their index is always up to date', async () => {
  await using database = await createTestDatabase()
  const owner = await database.connect('postgres')
  const search = (await relayFunctions(owner)).find(({ name }) => name === 'search')
  expect(search?.settings).toContain('plan_cache_mode=force_custom_plan')
  const { rows } = await owner.query(
    `select reloptions from pg_class where relname = 'relay_messages_search_idx'`,
  )
  expect(rows).toEqual([{ reloptions: ['fastupdate=off'] }])
})

test('row level security is on, and no policy lets anyone through', async () => {
  await using database = await createTestDatabase()
  const owner = await database.connect('postgres')
  const { rows } = await owner.query(
    `select relname as name, relrowsecurity as secured,
      (select count(*)::int from pg_policy where polrelid = c.oid) as policies
    from pg_class c where relname = any ($1) order by 1`,
    [TABLES],
  )
  expect(rows).toEqual(TABLES.map((name) => ({ name, secured: true, policies: 0 })))
})

test('service_role cannot delete, also in a project that granted it everything', async () => {
  for (const setup of ['', SCHEMA_0_1_0]) {
    await using database = await createTestDatabase({ empty: true })
    const owner = await database.connect('postgres')
    await owner.query(setup)
    await owner.query(MIGRATION)
    await tools(database).post('release')
    const service = await database.connect('service_role')
    for (const table of TABLES) {
      const refusal = { code: '42501' }
      await expect(service.query(`delete from public.${table}`)).rejects.toMatchObject(refusal)
      await expect(service.query(`truncate public.${table} cascade`)).rejects.toMatchObject(refusal)
    }
  }
})

test('service_role cannot make a connection good again', async () => {
  await using database = await createTestDatabase()
  const owner = await database.connect('postgres')
  await owner.query(
    `insert into relay_connections (user_id, gid, name, scope, kind, revoked_at)
    values ($1, 'lost', 'A laptop', 'mcp', 'key', now())`,
    [USER],
  )
  const service = await database.connect('service_role')
  for (const change of ['revoked_at = null', `gid = 'other'`, `kind = 'oauth'`, `name = 'x'`]) {
    const update = service.query(`update relay_connections set ${change}`)
    await expect(update).rejects.toMatchObject({ code: '42501' })
  }
})

test('answers are in UTC in any time zone of the session', async () => {
  await using database = await createTestDatabase()
  const session = await database.connect()
  await session.query(`set timezone = 'Asia/Tokyo'`)
  const relay = tools(over(session))
  const { created_at } = await relay.post('release')
  const read = await relay.read('release')
  const { threads } = await relay.list()
  const checked = await relay.check('ci')
  for (const time of [
    created_at,
    read.messages[0].created_at,
    threads[0].last_message_at,
    checked.messages[0].created_at,
  ]) {
    expect(time).toBe(created_at)
    expect(time).toMatch(/\+00:00$/)
  }
})

interface RelayFunction {
  schema: string
  name: string
  volatility: string
  definer: boolean
  settings: string[]
  anon: boolean
  authenticated: boolean
  service: boolean
  everyone: boolean
}

async function relayFunctions(owner: Client): Promise<RelayFunction[]> {
  const { rows } = await owner.query(
    `select pronamespace::regnamespace::text as schema, proname as name, provolatile as volatility, prosecdef as definer,
      coalesce(proconfig, '{}') as settings,
      has_function_privilege('anon', oid, 'execute') as anon,
      has_function_privilege('authenticated', oid, 'execute') as authenticated,
      has_function_privilege('service_role', oid, 'execute') as service,
      exists (select from aclexplode(coalesce(proacl, acldefault('f', proowner)))
        where grantee = 0) as everyone
    from pg_proc where pronamespace in ('public'::regnamespace, 'relay'::regnamespace)
    order by 1, 2`,
  )
  return rows
}

/** Everything that makes the schema, but for the order of columns and of grants. */
async function catalogue(owner: Client): Promise<Record<string, unknown[]>> {
  const { rows } = await owner.query(
    `with tables as (select oid, relname, relrowsecurity from pg_class where relname = any ($1))
    select
      (select jsonb_agg(c order by c) from (
        select relname, attname, format_type(atttypid, atttypmod), attnotnull, attgenerated,
          pg_get_expr(adbin, adrelid) as value
        from tables join pg_attribute on attrelid = tables.oid and attnum > 0 and not attisdropped
        left join pg_attrdef on adrelid = attrelid and adnum = attnum) c) as columns,
      (select jsonb_agg(c order by c) from (
        select relname, conname, pg_get_constraintdef(pg_constraint.oid), convalidated
        from tables join pg_constraint on conrelid = tables.oid) c) as constraints,
      (select jsonb_agg(i order by i) from (
        select pg_get_indexdef(indexrelid), indisvalid
        from tables join pg_index on indrelid = tables.oid) i) as indexes,
      (select jsonb_agg(t order by t) from (
        select pg_get_triggerdef(pg_trigger.oid), tgenabled
        from tables join pg_trigger on tgrelid = tables.oid and not tgisinternal) t) as triggers,
      (select jsonb_agg(r order by r) from (
        select relname, relrowsecurity from tables) r) as security,
      (select jsonb_agg(f order by f) from (
        select proname, pg_get_functiondef(oid), provolatile
        from pg_proc where pronamespace = 'public'::regnamespace) f) as functions`,
    [TABLES],
  )
  return rows[0]
}

/** Every row as it is stored, with its version: an update that changes nothing shows too. */
async function contentsOf(owner: Client): Promise<unknown> {
  const { rows } = await owner.query(
    `select
      (select jsonb_agg(to_jsonb(t) || jsonb_build_object('at', t.ctid) order by id)
        from relay_threads t) as threads,
      (select jsonb_agg(to_jsonb(m) || jsonb_build_object('at', m.ctid) order by id)
        from relay_messages m) as messages,
      (select jsonb_agg(to_jsonb(c) || jsonb_build_object('at', c.ctid) order by id)
        from relay_read_cursors c) as cursors,
      (select jsonb_agg(to_jsonb(r) || jsonb_build_object('at', r.ctid) order by reader_tag)
        from relay_readers r) as readers,
      (select jsonb_agg(to_jsonb(c) || jsonb_build_object('at', c.ctid) order by gid)
        from relay_connections c) as connections`,
  )
  return rows[0]
}
