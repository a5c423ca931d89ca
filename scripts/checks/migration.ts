/** Checks whether the database has the SQL functions of this version, and the grants to call them. */
import { readMigrations } from '../lib/migrations.ts'
import { type Check, failed, ok } from './check.ts'
import { migrate } from './fixes.ts'
import { readDiagnosis } from './subject.ts'

const migration: Check = {
  id: 'database.migration',
  needs: ['database.key'],
  why: 'The tools need the SQL functions of their own version.',
  async look(subject) {
    const { fault, project, api_code: code, ...status } = (await readDiagnosis(subject)).database
    const fix = migrate(subject, project)
    if (fault === 'migration_missing') {
      const seen =
        code === 'PGRST202'
          ? 'The function relay_status is missing: the project is empty, or has the tables of relay-mcp 0.1.0.'
          : `Tables or columns of the relay are missing (${code}).`
      return failed(seen, fix)
    }
    // A function that may not be called exists.
    if (fault === 'permission_denied') return ok('present')
    const schema = readSchema()
    if (status.schema_version < schema.version) {
      return failed(
        `The schema has version ${status.schema_version} instead of ${schema.version}.`,
        fix,
      )
    }
    const missing = schema.functions.filter((signature) => !(signature in status.functions))
    if (missing.length > 0) {
      const names = missing.map(nameOf).join(', ')
      return failed(`These functions are missing, or take other arguments: ${names}.`, fix)
    }
    return ok(`version ${status.schema_version}`)
  },
}

const nameOf = (signature: string) => signature.replace(/\(.*/, '')

const grants: Check = {
  id: 'database.grants',
  needs: ['database.migration'],
  why: 'A Supabase project grants its API nothing by default, so the relay needs each grant by name.',
  async look(subject) {
    const { fault, project, functions, api_code: code } = (await readDiagnosis(subject)).database
    const fix = migrate(subject, project)
    if (fault === 'permission_denied') {
      return failed(
        `The service role may not call relay_status, or may not read relay_threads (${code}).`,
        fix,
      )
    }
    const denied = readSchema().functions.filter((name) => functions[name] === false)
    if (denied.length === 0) return ok('granted')
    return failed(`The service role may not call ${denied.map(nameOf).join(', ')}.`, fix)
  },
}

export const migrationChecks = [migration, grants]

interface Schema {
  /** The number of the newest migration. */
  version: number
  /** Each function that service_role may call, by name and arguments, as relay_status writes it. */
  functions: string[]
}

function readSchema(): Schema {
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
