/**
 * Sets up a database like that of a new Supabase project: its roles, their default privileges, and an
 * owner who is not a superuser. Since October 2026 a new project grants the API roles nothing on new
 * tables and functions. A grant that a migration forgets is therefore missing here too.
 */
import { Client } from 'pg'
import type { Connection } from '../postgres/server.ts'

/** The owner of the database; migrations run as this role. */
export const OWNER = 'postgres'

/** The name of the relay's own database at home. */
export const DATABASE = 'relay'

const ROLES = `
  do $$
  declare
    wanted record;
  begin
    for wanted in
      select * from (values
        ('postgres', 'login createdb createrole replication bypassrls'),
        ('anon', 'nologin noinherit'),
        ('authenticated', 'nologin noinherit'),
        ('service_role', 'nologin noinherit bypassrls'),
        ('authenticator', 'login noinherit')
      ) as roles (name, attributes)
    loop
      if not exists (select from pg_catalog.pg_roles where rolname = wanted.name) then
        execute format('create role %I %s', wanted.name, wanted.attributes);
      end if;
    end loop;
  end;
  $$;
  grant anon, authenticated, service_role to authenticator, postgres;
  -- Supabase stops a statement of the API after 8 s; the roles it switches to inherit this.
  alter role authenticator set statement_timeout = '8s';
`

const USAGE = `
  grant usage on schema public to anon, authenticated, service_role;
`

/** Creates the roles; the owner and the API log in with the superuser's generated password. */
export async function createRoles(connection: Connection): Promise<void> {
  await withClient(connection, async (client) => {
    await client.query(ROLES)
    for (const role of [OWNER, 'authenticator']) {
      await client.query(`alter role ${role} password ${client.escapeLiteral(connection.password)}`)
    }
  })
}

/** Creates `connection.database` unless it exists. */
export async function createDatabase(connection: Connection): Promise<void> {
  const { database } = connection
  await withClient({ ...connection, database: 'postgres' }, async (client) => {
    const found = await client.query('select from pg_database where datname = $1', [database])
    if (found.rowCount) return
    await client.query(`create database ${client.escapeIdentifier(database)} owner ${OWNER}`)
  })
  await withClient(connection, (client) => client.query(USAGE))
}

/** Runs `work` on a new connection. */
export async function withClient<T>(
  connection: Connection,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const client = new Client(connection)
  // If the connection is lost, the running query fails. Without a listener the event would end the
  // process.
  client.on('error', () => {})
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}
