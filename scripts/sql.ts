/**
 * Runs an SQL statement in the database of `npm start`, running or not: what Supabase has its SQL
 * editor for. Prints the rows, one JSON document a line.
 *
 *   npm run sql -- "delete from relay_messages where content like '%the secret%'"
 *
 * Exit codes: 0 done, 1 refused; then nothing was changed.
 */
import { DatabaseError } from 'pg'
import { run } from './lib/run.ts'
import { readSettings } from './lib/settings.ts'
import { UserError } from './lib/user-error.ts'
import { reachHomeDatabase } from './local/home-database.ts'
import { OWNER, withClient } from './local/supabase/roles.ts'

await run(async () => {
  const statement = process.argv[2]
  if (!statement) throw new UserError('Name the statement: npm run sql -- "select ..."')
  const { supabaseUrl, dataDirectory } = readSettings(process.cwd())
  if (supabaseUrl) {
    throw new UserError(
      'SUPABASE_URL is set: use the SQL editor at https://supabase.com/dashboard.',
    )
  }
  const { connection, stop } = await reachHomeDatabase(dataDirectory)
  try {
    await withClient({ ...connection, user: OWNER }, async (client) => {
      // Several statements, which run as one transaction, have a result each.
      for (const { rows, rowCount } of [await client.query(statement)].flat()) {
        for (const row of rows) console.log(JSON.stringify(row))
        console.log(rowCount === 1 ? '1 row' : `${rowCount ?? 0} rows`)
      }
    })
  } catch (error) {
    throw error instanceof DatabaseError ? new UserError(error.message) : error
  } finally {
    await stop()
  }
})
