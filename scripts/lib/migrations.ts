/** Reads and applies migrations/*.sql in the order of their numbers. Each is safe to run twice. */
import { readdirSync, readFileSync } from 'node:fs'
import type { Client, DatabaseError } from 'pg'
import { UserError } from './user-error.ts'

const FOLDER = new URL('../../migrations/', import.meta.url)

export interface Migration {
  /** The number in its name, which `relay_status` returns as `schema_version` afterwards. */
  version: number
  /** Relative to the project. */
  path: string
  sql: string
}

export function readMigrations(): Migration[] {
  const files = readdirSync(FOLDER).filter((name) => /^\d+_.*\.sql$/.test(name))
  const migrations = files.map((name) => ({
    version: Number.parseInt(name, 10),
    path: `migrations/${name}`,
    sql: readFileSync(new URL(name, FOLDER), 'utf8'),
  }))
  return migrations.sort((a, b) => a.version - b.version)
}

/**
 * Selects the migrations that a database with this `schema_version` does not have; 0 is one without the
 * relay. An earlier file is not run again, since it would put back its own older functions.
 */
export function selectPending(migrations: Migration[], version: number): Migration[] {
  return migrations.filter((migration) => migration.version > version)
}

/** Runs one file; an error names the line of the SQL, if PostgreSQL gives its position. */
export async function applyMigration(client: Client, { path, sql }: Migration): Promise<void> {
  await client.query(sql).catch((error: DatabaseError) => {
    const { position, message } = error
    const line = position && `, line ${sql.slice(0, Number(position)).split('\n').length}`
    throw new UserError(`${path}${line ?? ''}: ${message}`)
  })
}
