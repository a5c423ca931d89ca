/** `npm run sql`: runs SQL in the database of `npm start`, as Supabase's SQL editor does in a project. */
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

Runs SQL in the database of npm start, whether or not the relay is running. Prints each row as a line of
JSON. If a statement fails, nothing is changed.

Pass a statement that contains a secret in a file or a pipe: arguments end up in the shell's history.
`

export const command = defineCommand({
  help: HELP,
  options: {},
  arguments: ['STATEMENT'],
  async run(_, [given]) {
    const statement = given ?? (process.stdin.isTTY ? '' : await text(process.stdin))
    if (!statement.trim())
      throw new UsageError('The statement is missing: npm run sql -- "select ..."')
    const { supabaseUrl, dataDirectory } = readSettings(process.cwd(), process.env, {
      mustExist: true,
    })
    if (supabaseUrl) {
      throw new UserError(
        'SUPABASE_URL is set: use the SQL editor at https://supabase.com/dashboard.',
      )
    }
    const { connection, stop } = await reachHomeDatabase(dataDirectory)
    try {
      await withClient({ ...connection, user: OWNER }, async (client) => {
        // Several statements run as one transaction, and each has its own result.
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
