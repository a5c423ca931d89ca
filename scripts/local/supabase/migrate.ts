/**
 * Applies migrations/*.sql as the owner of the database. Each file is safe to run twice, so all of them
 * run at every start, without a record of earlier runs.
 */
import { applyMigration, readMigrations } from '../../lib/migrations.ts'
import type { Connection, Postgres } from '../postgres/server.ts'
import { createDatabase, createRoles, DATABASE, OWNER, withClient } from './roles.ts'

/** Creates the relay's database with its roles and tables, or brings it up to date. */
export async function prepareDatabase(postgres: Postgres): Promise<Connection> {
  const connection = postgres.connection(DATABASE)
  await createRoles(postgres.connection('postgres'))
  await createDatabase(connection)
  await migrate(connection)
  return connection
}

export async function migrate(connection: Connection): Promise<void> {
  await withClient({ ...connection, user: OWNER }, async (client) => {
    for (const migration of readMigrations()) await applyMigration(client, migration)
  })
}
