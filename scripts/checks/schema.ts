/** Reads from migrations/*.sql which schema version and callable functions a database should have. */
import { readMigrations } from '../lib/migrations.ts'

export interface Schema {
  /** The number of the newest migration. */
  version: number
  /** Each function that service_role may call, by name and arguments, as relay_status writes it. */
  functions: string[]
}

export function readSchema(): Schema {
  const migrations = readMigrations()
  const sql = migrations.map((migration) => migration.sql).join('\n')
  const granted = [...sql.matchAll(/^grant execute on function public\.(\w+)/gm)]
  const names = new Set(granted.map(([, name]) => name as string))
  const signatures = new Map<string, string>()
  for (const [, name = '', given = ''] of sql.matchAll(FUNCTION)) {
    signatures.set(name, `${name}(${[...given.matchAll(/\bp_\w+/g)].join(', ')})`)
  }
  return {
    version: migrations.at(-1)?.version ?? Number.NaN,
    functions: [...names].map((name) => signatures.get(name) ?? name),
  }
}

const FUNCTION = /^create or replace function public\.(\w+)\(([^;]*?)\)\s+(?:returns|language) /gm
