/** A call of the gateway is one statement and one transaction, which leaves nothing behind. */
import { expect, test } from 'vitest'
import { startGateway } from '../../../scripts/local/supabase/gateway.ts'
import { createTestDatabase } from '../../support/database.ts'

const SECRET = 'sb_secret_test'

async function createProject(sql: string) {
  const database = await createTestDatabase({ empty: true })
  const owner = await database.connect('postgres')
  await owner.query(sql)
  const gateway = await startGateway({
    connection: database.connection,
    keys: { service: SECRET },
  })
  return {
    owner,
    async rpc(name: string, args: unknown = {}) {
      const response = await fetch(`${gateway.url}/rest/v1/rpc/${name}`, {
        method: 'POST',
        headers: { apikey: SECRET, 'content-type': 'application/json' },
        body: JSON.stringify(args),
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

/** Calls one after the other share a connection; `pid` shows that they do. */
const STATE = `
  create function public.state(p_change text default null) returns jsonb language plpgsql volatile as $$
    begin
      if p_change is not null then execute p_change; end if;
      return jsonb_build_object(
        'pid', pg_backend_pid(), 'role', current_user, 'transaction', pg_current_xact_id()::text,
        'read_only', current_setting('transaction_read_only'), 'zone', current_setting('timezone'));
    end $$;
  create function public.look() returns jsonb language sql stable
    as $$ select jsonb_build_object('pid', pg_backend_pid(), 'role', current_user) $$;
`

test('a role, a setting and read-only mode end with the call', async () => {
  await using project = await createProject(STATE)
  const first = (await project.rpc('state')).body
  expect(first).toMatchObject({ role: 'service_role', read_only: 'off' })
  const changed = await project.rpc('state', { p_change: `set local timezone = 'Asia/Tokyo'` })
  expect(changed.body.zone).toBe('Asia/Tokyo')
  expect((await project.rpc('look')).body.role).toBe('service_role')
  expect(await project.rpc('state', { p_change: `set local role anon` })).toMatchObject({
    body: { role: 'anon' },
  })

  const last = (await project.rpc('state')).body
  expect(last).toEqual({ ...first, transaction: last.transaction })
  expect(last.transaction).not.toBe(first.transaction)
})

test('when a refusal is answered, its transaction is over', async () => {
  await using project = await createProject(STATE)
  const { pid } = (await project.rpc('state')).body
  for (let round = 0; round < 20; round += 1) {
    await project.rpc('state', { p_change: 'select pg_advisory_xact_lock(1), 1 / 0' })
    const { rowCount } = await project.owner.query('select from pg_locks where pid = $1', [pid])
    expect(rowCount).toBe(0)
  }
})

test('a statement that fails only at the commit is refused, and leaves nothing', async () => {
  await using project = await createProject(`
    create table public.notes (id int primary key, next int);
    alter table public.notes add foreign key (next) references public.notes
      deferrable initially deferred;
    grant all on public.notes to service_role;
    create function public.note(p_id int, p_next int) returns jsonb language sql volatile
      as $$ insert into public.notes values (p_id, p_next) returning to_jsonb(id) $$;
  `)
  expect(await project.rpc('note', { p_id: 1, p_next: 2 })).toMatchObject({
    status: 409,
    body: { code: '23503' },
  })
  expect(await project.rpc('note', { p_id: 3, p_next: 3 })).toEqual({ status: 200, body: 3 })
  const { rows } = await project.owner.query('select id from public.notes')
  expect(rows).toEqual([{ id: 3 }])
})

test('a connection whose first call was refused serves the next', async () => {
  await using project = await createProject(STATE)
  const refused = await project.rpc('state', { p_change: 'select 1 / 0' })
  expect(refused).toMatchObject({ status: 400, body: { code: '22012' } })
  expect(await project.rpc('state', { p_change: 'select 1' })).toMatchObject({ status: 200 })
  expect(await project.rpc('state', { p_change: 'nonsense' })).toMatchObject({
    body: { code: '42601' },
  })
  expect(await project.rpc('state', { p_change: 'select 1' })).toMatchObject({ status: 200 })
})

test('a function that was replaced is called as it is now', async () => {
  await using project = await createProject(STATE)
  await project.rpc('look')
  await project.owner.query(`
    drop function public.look();
    create function public.look() returns text language sql stable as $$ select 'new' $$;
  `)
  // The statement is parsed again, as with PostgREST, only after the cache of functions was reloaded.
  await project.owner.query(`notify pgrst, 'reload schema'`)
  await expect.poll(async () => (await project.rpc('look')).body).toBe('new')
})
