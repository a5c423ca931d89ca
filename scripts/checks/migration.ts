/** Checks whether the database has the SQL functions of this version, and the grants to call them. */
import { type Check, failed, ok } from './check.ts'
import { migrate } from './fixes.ts'
import { readSchema } from './schema.ts'
import { readDiagnosis } from './subject.ts'

const migration: Check = {
  id: 'database.migration',
  needs: ['database.key'],
  why: 'The tools need the SQL functions of their own version.',
  async look(subject) {
    const { fault, project, api_code: code, ...status } = (await readDiagnosis(subject)).database
    const fix = migrate(subject, project)
    if (code === 'PGRST203') {
      return failed(
        'The function relay_status exists twice (PGRST203).',
        writeDrop(['relay_status']),
        fix,
      )
    }
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
    const there = Object.keys(status.functions)
    const missing = schema.functions.filter((signature) => !there.includes(signature)).map(nameOf)
    const names = schema.functions.map(nameOf)
    const others = there
      .filter((signature) => !schema.functions.includes(signature))
      .map(nameOf)
      .filter((name) => names.includes(name))
    if (others.length > 0) {
      return failed(
        `These functions have the wrong arguments: ${others.join(', ')}.`,
        writeDrop(others),
        fix,
      )
    }
    if (missing.length > 0)
      return failed(`These functions are missing: ${missing.join(', ')}.`, fix)
    return ok(`version ${status.schema_version}`)
  },
}

const nameOf = (signature: string) => signature.replace(/\(.*/, '')

/** Writes SQL that drops all versions of functions: a migration replaces only its own version. */
function writeDrop(names: string[]): string {
  const list = names.map((name) => `'${name}'`).join(', ')
  return (
    'do $$ declare f regprocedure; begin for f in select oid from pg_proc ' +
    `where pronamespace = 'public'::regnamespace and proname in (${list}) ` +
    "loop execute 'drop function ' || f; end loop; end $$;"
  )
}

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
