/** `npm run export`: writes every thread, reader, cursor and message of a relay to a JSON Lines file. */
import { open, rm } from 'node:fs/promises'
import { defineCommand } from '../lib/command.ts'
import { readSettings } from '../lib/settings.ts'
import { UserError } from '../lib/user-error.ts'
import { openDatabase, type RelayDatabase } from '../transfer/database.ts'
import { HEAD } from '../transfer/export-file.ts'

const HELP = `
npm run export -- [FILE]

Writes every thread, reader, cursor and message of a relay to FILE (by default relay-DATE.jsonl), as a
backup or to import into another relay. FILE must not exist yet. With - as FILE, writes to standard output:
npm run --silent export -- - | gzip > relay.jsonl.gz

Exports the relay of npm start, whether or not it is running. To export a Supabase project, set
SUPABASE_URL, SUPABASE_SERVICE_KEY and RELAY_USER_ID in the environment or in .dev.vars.
`

export const command = defineCommand({
  help: HELP,
  options: {},
  arguments: ['FILE'],
  async run(_, [path = `relay-${new Date().toISOString().slice(0, 10)}.jsonl`]) {
    const settings = readSettings(process.cwd(), process.env, { mustExist: true })
    await using database = await openDatabase(settings)
    if (path === '-') await writeToOutput(database, settings.userId)
    else await writeToFile(database, settings.userId, path)
    return undefined
  },
})

/** Creates the file, which only this account can read. Removes it if the export fails. */
async function writeToFile(database: RelayDatabase, userId: string, path: string): Promise<void> {
  // Exclusive, so that neither an earlier export nor the target of a link is written to.
  await using file = await open(path, 'wx', 0o600).catch((error) => {
    if (error.code !== 'EEXIST') throw error
    throw new UserError(`${path} exists already: choose another file.`)
  })
  try {
    console.log(`Exporting ${database.place} to ${path}.`)
    const records = await write(database, userId, (text) => file.appendFile(text))
    await file.sync()
    console.log(`${records} records. The file contains every message in clear text: keep it safe.`)
  } catch (error) {
    await rm(path, { force: true })
    throw error
  }
}

/** Writes an export to standard output, and everything else that a person should see to standard error. */
async function writeToOutput(database: RelayDatabase, userId: string): Promise<void> {
  const append = (text: string) =>
    new Promise<void>((resolve) => {
      process.stdout.write(text, () => resolve())
    })
  const records = await write(database, userId, append)
  console.error(`${records} records. They contain every message in clear text: keep them safe.`)
}

interface Status {
  now: string
  /** The later of the clock and the newest thread, so that no thread is ahead of it. */
  as_of?: string
  thread_count: number
  message_count: number
}

/** In the order of the file: a record follows those that it needs when it is imported. */
const KINDS = ['thread', 'reader', 'cursor', 'message'] as const

/** The fields of a record that determine the next one. */
interface Position {
  id?: string
  thread_id?: string
  seq?: number
  reader_tag?: string
}

/** Writes an export; returns the number of records. */
async function write(
  database: RelayDatabase,
  userId: string,
  append: (text: string) => Promise<void>,
): Promise<number> {
  const status: Status = await database.call('relay_status', { p_user_id: userId })
  const { thread_count: threads, message_count: messages, as_of = status.now } = status
  const appendLines = (lines: object[]) =>
    append(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
  const counts = { thread: 0, reader: 0, cursor: 0, message: 0 }
  await appendLines([{ kind: HEAD, version: 1, as_of, threads, messages }])
  for (const kind of KINDS) {
    let last: Position | undefined
    for (;;) {
      const page: Position[] = await database.call('relay_export', {
        p_user_id: userId,
        p_kind: kind,
        p_as_of: as_of,
        p_thread_id: last && (last.thread_id ?? last.id),
        p_seq: last?.seq,
        p_reader_tag: last?.reader_tag,
      })
      if (page.length === 0) break
      await appendLines(page)
      last = page.at(-1)
      counts[kind] += page.length
    }
  }
  // Everything that existed when the export began must be in the file, unless it was deleted since.
  if (counts.thread < threads || counts.message < messages) {
    throw new UserError(
      `The export is incomplete. When it began, the relay had ${threads} threads and ${messages} messages; ` +
        `the file has ${counts.thread} and ${counts.message}. Either some were deleted meanwhile, or their ` +
        'times are ahead of the clock of the database. Export again.',
    )
  }
  const records = KINDS.reduce((sum, kind) => sum + counts[kind], 0)
  await appendLines([{ kind: 'end', records }])
  return records
}
