/**
 * Applies migrations/*.sql in the order of their numbers, as the owner of the database. Each file
 * is safe to run twice, so all of them run at every start and nothing is kept of what has run.
 */
import { readdirSync, readFileSync } from 'node:fs'
import type { DatabaseError } from 'pg'
import { Refusal } from '../lib/refusal.ts'
import type { Connection, Postgres } from './postgres.ts'
import { createDatabase, createRoles, DATABASE, OWNER, withClient } from './roles.ts'

const FOLDER = new URL('../../migrations/', import.meta.url)

/** Makes the relay's database with its roles and tables, or brings it up to date. */
export async function prepareDatabase(postgres: Postgres): Promise<Connection> {
  const connection = postgres.connection(DATABASE)
  await createRoles(postgres.connection('postgres'))
  await createDatabase(connection)
  await migrate(connection)
  return connection
}

export async function migrate(connection: Connection): Promise<void> {
  const files = readdirSync(FOLDER).filter((name) => /^\d+_.*\.sql$/.test(name))
  files.sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10))
  await withClient({ ...connection, user: OWNER }, async (client) => {
    for (const file of files) {
      const sql = readFileSync(new URL(file, FOLDER), 'utf8')
      await client.query(sql).catch((error: DatabaseError) => {
        const line = sql.slice(0, Number(error.position ?? 0)).split('\n').length
        throw new Refusal(`migrations/${file}, line ${line}: ${error.message}`)
      })
    }
  })
}
