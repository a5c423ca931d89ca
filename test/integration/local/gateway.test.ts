/** The gateway answers as Supabase's API would, so that the Worker meets the same thing here. */
import { createClient } from '@supabase/supabase-js'
import { expect, test } from 'vitest'
import { startGateway } from '../../../scripts/local/supabase/gateway.ts'
import { withClient } from '../../../scripts/local/supabase/roles.ts'
import { createTestDatabase } from '../../support/database.ts'

const SECRET = 'sb_secret_test'

/** An empty project with these functions, and a gateway in front of it. */
async function createProject(sql = '') {
  const database = await createTestDatabase({ empty: true })
  const owner = await database.connect('postgres')
  await owner.query(sql)
  const gateway = await startGateway({
    connection: database.connection,
    keys: { service: SECRET },
  })
  return {
    connection: database.connection,
    gateway,
    owner,

    /** How many calls wait for a lock. */
    async waiting() {
      // Other tests' databases are on the same server.
      const locks = await owner.query(`
        select from pg_locks join pg_stat_activity using (pid)
        where datname = current_database() and not granted`)
      return locks.rowCount
    },

    /** Posts as supabase-js does; headers that are undefined are left out. */
    async rpc(
      name: string,
      args: unknown = {},
      headers: Record<string, string | undefined> = {},
      method = 'POST',
    ) {
      const all = { apikey: SECRET, 'content-type': 'application/json', ...headers }
      const response = await fetch(`${gateway.url}/rest/v1/rpc/${name}`, {
        method,
        headers: Object.entries(all).filter((pair): pair is [string, string] => !!pair[1]),
        body: typeof args === 'string' ? args : JSON.stringify(args),
      })
      const text = await response.text()
      return { status: response.status, body: JSON.parse(text) }
    },

    async [Symbol.asyncDispose]() {
      await gateway.stop()
      await database[Symbol.asyncDispose]()
    },
  }
}

const WHO = `
  create function public.who() returns jsonb language sql stable
    as $$ select jsonb_build_object('role', current_user, 'read_only', current_setting('transaction_read_only')) $$;
`
const RAISE = `
  create function public.fail(p_code text, p_message text default 'no') returns jsonb
    language plpgsql volatile as $$
    begin raise exception '%', p_message using errcode = p_code, detail = 'why', hint = 'what'; end $$;
`

test('supabase-js calls a function and gets its JSON', async () => {
  await using project = await createProject(WHO)
  const db = createClient(project.gateway.url, SECRET)
  expect(await db.rpc('who')).toMatchObject({
    data: { role: 'service_role', read_only: 'on' },
    error: null,
    status: 200,
  })
  expect(project.gateway.requests).toEqual(new Map([['who', 1]]))
})

test('a key that is missing, unknown or out of place is 401', async () => {
  await using project = await createProject(WHO)
  const refusal = async (headers: Record<string, string | undefined>) => {
    const { status, body } = await project.rpc('who', {}, headers)
    return [status, body.message]
  }
  expect(await refusal({ apikey: undefined })).toEqual([401, 'No API key found in request'])
  expect(await refusal({ apikey: 'sb_secret_other' })).toEqual([401, 'Invalid API key'])
  expect(await refusal({ authorization: 'Bearer sb_secret_other' })).toEqual([
    401,
    'Invalid API key',
  ])
  expect(await refusal({ authorization: 'Bearer a.b.c' })).toEqual([
    401,
    'No suitable key or wrong key type',
  ])
  expect(await refusal({ 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64)' })).toEqual([
    401,
    'Forbidden use of secret API key in browser',
  ])
})

test('a new project grants the API roles nothing on new objects', async () => {
  await using project = await createProject(`
    create table public.notes (id int);
    create function public.notes_count() returns jsonb language sql volatile
      as $$ select to_jsonb(count(*)) from public.notes $$;
    create function public.hidden() returns jsonb language sql volatile as $$ select '1'::jsonb $$;
    revoke execute on function public.hidden from public;
  `)
  const denied = { code: '42501', details: null, hint: null }
  expect(await project.rpc('notes_count')).toMatchObject({
    status: 403,
    body: { ...denied, message: 'permission denied for table notes' },
  })
  expect(await project.rpc('hidden')).toMatchObject({ status: 403, body: denied })
})

test('arguments arrive as PostgreSQL reads them from the body', async () => {
  await using project = await createProject(`
    create function public.echo(
      p_uuid uuid default null, p_text text default 'left out', p_int bigint default null,
      p_bool boolean default null, p_time timestamptz default null, p_json jsonb default null,
      p_list text[] default null)
      returns jsonb language sql immutable set timezone = 'UTC'
      as $$ select jsonb_build_object('uuid', p_uuid, 'text', p_text, 'int', p_int, 'bool', p_bool,
        'time', p_time, 'json', p_json, 'json_is_null', p_json is null, 'list', p_list) $$;
  `)
  const nothing = { uuid: null, text: 'left out', int: null, bool: null, time: null, list: null }
  expect((await project.rpc('echo')).body).toEqual({ ...nothing, json: null, json_is_null: true })

  const uuid = '5f0c9f6e-2a0b-4d0a-9a53-0d9c1c7d3b11'
  const json = { deep: [1, 'two', null], quote: `"'\\` }
  const sent = {
    p_uuid: uuid,
    p_text: 'École 🎒',
    p_int: 9007199254740991,
    p_bool: false,
    p_time: '2026-11-22T10:00:00+02:00',
    p_json: json,
    p_list: ['a,b', 'x"y'],
  }
  expect((await project.rpc('echo', sent)).body).toEqual({
    uuid,
    text: 'École 🎒',
    int: 9007199254740991,
    bool: false,
    time: '2026-11-22T08:00:00+00:00',
    json,
    json_is_null: false,
    list: ['a,b', 'x"y'],
  })

  const nulls = { p_text: null, p_json: null }
  expect((await project.rpc('echo', nulls)).body).toMatchObject({ text: null, json_is_null: true })
})

test('a value that a type can’t hold is 400 with PostgreSQL’s code', async () => {
  await using project = await createProject(`
    create function public.echo(p_uuid uuid default null, p_text text default null)
      returns jsonb language sql volatile as $$ select to_jsonb(p_text) $$;
  `)
  const refusal = async (args: unknown) => {
    const { status, body } = await project.rpc('echo', args)
    return [status, body.code]
  }
  expect(await refusal({ p_uuid: 'x' })).toEqual([400, '22P02'])
  expect(await refusal({ p_text: 'a\0b' })).toEqual([400, '22P05'])
  expect(await refusal('{"p_text":"\\ud800"}')).toEqual([400, '22P02'])
})

test('each SQLSTATE has PostgREST’s status, and its words reach the caller', async () => {
  await using project = await createProject(RAISE)
  const expected = {
    RL001: 400,
    P0001: 400,
    22023: 400,
    23503: 409,
    23505: 409,
    40001: 500,
    '40P01': 500,
    42501: 403,
    54000: 500,
    '55P03': 500,
    57014: 500,
    53300: 503,
    '08006': 503,
    XX000: 500,
  }
  const statuses: Record<string, number> = {}
  for (const code of Object.keys(expected)) {
    const args = { p_code: code, p_message: 'thread "done" — not found' }
    const { status, body } = await project.rpc('fail', args)
    statuses[code] = status
    expect(body).toEqual({ code, message: args.p_message, details: 'why', hint: 'what' })
  }
  expect(statuses).toEqual(expected)
})

test('a function is found by its name and all its arguments', async () => {
  await using project = await createProject(RAISE)
  const refusal = async (name: string, args: unknown) => {
    const { status, body } = await project.rpc(name, args)
    return [status, body.code]
  }
  expect(await refusal('fail', { p_code: 'RL001' })).toEqual([400, 'RL001'])
  expect(await refusal('failure', { p_code: 'RL001' })).toEqual([404, 'PGRST202'])
  expect(await refusal('fail', { p_code: 'RL001', p_other: 1 })).toEqual([404, 'PGRST202'])
  expect(await refusal('fail', { p_message: 'x' })).toEqual([404, 'PGRST202'])
})

test('two functions that fit are ambiguous', async () => {
  await using project = await createProject(`
    create function public.twice(p_a int) returns jsonb language sql volatile as $$ select '1'::jsonb $$;
    create function public.twice(p_a text) returns jsonb language sql volatile as $$ select '2'::jsonb $$;
  `)
  const { status, body } = await project.rpc('twice', { p_a: 1 })
  expect({ status, code: body.code }).toEqual({ status: 300, code: 'PGRST203' })
})

test('a request that is not an rpc of supabase-js is refused', async () => {
  await using project = await createProject(WHO)
  const refusal = async (...request: Parameters<typeof project.rpc>) => {
    const { status, body } = await project.rpc(...request)
    return [status, body.code]
  }
  expect(await refusal('who', '{"a":')).toEqual([400, 'PGRST102'])
  expect(await refusal('who', '[1]')).toEqual([400, 'PGRST102'])
  expect(await refusal('who', {}, {}, 'PUT')).toEqual([405, 'PGRST101'])
  expect(await refusal('who', {}, { 'content-profile': 'auth' })).toEqual([406, 'PGRST106'])
  expect(await refusal('who', {}, { 'content-type': 'text/html' })).toEqual([415, 'PGRST102'])
  expect(await refusal('who/else')).toEqual([404, 'PGRST125'])
})

test('a stable function may not write, and a failed call leaves nothing behind', async () => {
  await using project = await createProject(`
    create table public.notes (id int);
    grant all on public.notes to service_role;
    create sequence public.numbers;
    grant all on public.numbers to service_role;
    create function public.next_number() returns jsonb language sql stable
      as $$ select to_jsonb(nextval('public.numbers')) $$;
    create function public.note_and_fail() returns jsonb language plpgsql volatile
      as $$ begin insert into public.notes values (1); raise exception 'no'; end $$;
  `)
  expect(await project.rpc('next_number')).toMatchObject({ status: 405, body: { code: '25006' } })
  expect(await project.rpc('note_and_fail')).toMatchObject({ status: 400 })
  expect((await project.owner.query('select from public.notes')).rowCount).toBe(0)
})

test('a change of functions is seen after notify pgrst', async () => {
  await using project = await createProject(WHO)
  await project.rpc('who')
  await project.owner.query(`
    create function public.later() returns jsonb language sql volatile as $$ select '"now"'::jsonb $$;
  `)
  expect(await project.rpc('later')).toMatchObject({ status: 404, body: { code: 'PGRST202' } })
  await project.owner.query(`notify pgrst, 'reload schema'`)
  await expect.poll(async () => (await project.rpc('later')).body).toBe('now')
})

test('a lost connection is 503, and the next request succeeds', async () => {
  await using project = await createProject(`
    ${WHO}
    create function public.wait() returns jsonb language plpgsql volatile
      as $$ begin perform pg_advisory_xact_lock(1); return '1'; end $$;
  `)
  await project.owner.query('select pg_advisory_lock(1)')
  const lost = project.rpc('wait')
  await expect.poll(project.waiting).toBe(1)
  await withClient(project.connection, (superuser) =>
    superuser.query(`
      select pg_terminate_backend(pid) from pg_stat_activity
      where usename = 'authenticator' and datname = current_database()
    `),
  )
  expect(await lost).toMatchObject({ status: 503 })
  expect(await project.rpc('who')).toMatchObject({ status: 200 })
})

test('a database that is not there is 503, to all who ask at once', async () => {
  await using database = await createTestDatabase({ empty: true })
  const connection = { ...database.connection, port: 1 }
  const gateway = await startGateway({ connection, keys: { service: SECRET } })
  const ask = () =>
    fetch(`${gateway.url}/rest/v1/rpc/who`, { method: 'POST', headers: { apikey: SECRET } })
  for (const response of await Promise.all([ask(), ask()])) {
    expect(response.status).toBe(503)
    expect(await response.json()).toMatchObject({ code: 'PGRST000' })
  }
  await gateway.stop()
})

test('a client that leaves does not undo its call', async () => {
  await using project = await createProject(`
    create table public.notes (id int);
    grant all on public.notes to service_role;
    create function public.note_slowly() returns jsonb language plpgsql volatile as $$
      begin perform pg_advisory_xact_lock(1); insert into public.notes values (1); return '1'; end $$;
  `)
  await project.owner.query('select pg_advisory_lock(1)')
  const client = new AbortController()
  const request = fetch(`${project.gateway.url}/rest/v1/rpc/note_slowly`, {
    method: 'POST',
    headers: { apikey: SECRET },
    signal: client.signal,
  })
  await expect.poll(project.waiting).toBe(1)
  client.abort()
  await expect(request).rejects.toThrow()
  await project.owner.query('select pg_advisory_unlock(1)')
  const noted = async () => (await project.owner.query('select from public.notes')).rowCount
  await expect.poll(noted).toBe(1)
})
