/** `npm run sql`: what Supabase has its SQL editor for, in the database of `npm start`. */
import { text } from 'node:stream/consumers'
import { DatabaseError } from 'pg'
import { defineCommand } from '../lib/command.ts'
import { readSettings } from '../lib/settings.ts'
import { UsageError, UserError } from '../lib/user-error.ts'
import { reachHomeDatabase } from '../local/home-database.ts'
import { OWNER, withClient } from '../local/supabase/roles.ts'

const HELP = `
npm run sql -- STATEMENT
npm run sql < FILE

Runs SQL in the database of npm start, running or not. Prints the rows, one JSON document a line. If a
statement is refused, nothing is changed.

A statement that holds a secret belongs in a file or in a pipe: arguments end up in the shell's history.
`

export const command = defineCommand({
  help: HELP,
  options: {},
  arguments: ['STATEMENT'],
  async run(_, [given]) {
    const statement = given ?? (process.stdin.isTTY ? '' : await text(process.stdin))
    if (!statement.trim()) throw new UsageError('Name the statement: npm run sql -- "select ..."')
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
      return undefined
    } catch (error) {
      throw error instanceof DatabaseError ? new UserError(error.message) : error
    } finally {
      await stop()
    }
  },
})
