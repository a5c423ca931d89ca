/** `npm run export`: writes every thread, reader, cursor and message of a relay to a JSON Lines file. */
import { constants, type FileHandle, open } from 'node:fs/promises'
import { defineCommand } from '../lib/command.ts'
import { startProgress } from '../lib/progress.ts'
import { readSettings } from '../lib/settings.ts'
import { UserError } from '../lib/user-error.ts'
import { openDatabase, type RelayDatabase } from '../transfer/database.ts'
import {
  createCounts,
  createTypeError,
  type Export,
  KINDS,
  type Position,
  readExport,
} from '../transfer/export-file.ts'

const HELP = `
npm run export -- [FILE]

Writes every thread, reader, cursor and message of a relay to FILE (by default relay-DATE.jsonl), as a
backup or to import into another relay. If FILE contains an incomplete export, resumes it. With - as FILE,
writes to standard output: npm run --silent export -- - | gzip > relay.jsonl.gz

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
    const status = await askStatus(database, settings.userId)
    if (path === '-') return writeToOutput(database, settings.userId, status)
    const begun = await readExport(path)
    if (begun?.isComplete) {
      throw new UserError(
        `${path} is already complete, with ${begun.records} records: choose another file.`,
      )
    }
    const source = `${database.place}, user ${settings.userId}`
    if (begun && begun.source !== source) {
      throw new UserError(
        `${path} is an incomplete export of ${begun.source ?? 'an earlier version'}, not of ${source}: choose ` +
          'another file, or delete it.',
      )
    }
    console.log(
      `Exporting ${database.place} to ${path}${begun ? ', resuming where it stopped' : ''}.`,
    )
    await using file = await openPrivate(path)
    // A last line that is incomplete is written again.
    await file.truncate(begun?.bytes ?? 0)
    let offset = begun?.bytes ?? 0
    const append = async (text: string) => {
      await writeAll(file, text, offset)
      offset += Buffer.byteLength(text)
    }
    const records = await write(database, settings.userId, append, begun, status, source)
    await file.sync()
    console.log(`${records} records. The file contains every message in clear text: keep it safe.`)
    return undefined
  },
})

interface Status {
  now: string
  /** The later of the clock and the newest thread, so that no thread is ahead of it. */
  as_of?: string
  thread_count: number
  message_count: number
}

const askStatus = (database: RelayDatabase, userId: string): Promise<Status> =>
  database.call('relay_status', { p_user_id: userId })

/**
 * Opens or creates the file, readable only by this account. Throws UserError for anything else than a
 * regular file of this account with one name: the messages would end, and the permissions change, elsewhere.
 */
async function openPrivate(path: string): Promise<FileHandle> {
  const { O_RDWR, O_CREAT, O_NOFOLLOW = 0 } = constants
  const file = await open(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0o600).catch((error) => {
    throw error.code === 'ELOOP' ? createTypeError(path) : error
  })
  try {
    const found = await file.stat()
    if (!found.isFile() || found.nlink > 1) throw createTypeError(path)
    if (process.getuid && found.uid !== process.getuid()) {
      throw new UserError(`${path} belongs to another account: choose another file.`)
    }
    // It may exist already, readable by everyone.
    await file.chmod(0o600)
    return file
  } catch (error) {
    await file.close()
    throw error
  }
}

async function writeAll(file: FileHandle, text: string, offset: number): Promise<void> {
  let rest = Buffer.from(text)
  for (let at = offset; rest.length > 0; ) {
    const { bytesWritten } = await file.write(rest, 0, rest.length, at)
    at += bytesWritten
    rest = rest.subarray(bytesWritten)
  }
}

/** Writes an export to standard output, and everything else that a person should see to standard error. */
async function writeToOutput(database: RelayDatabase, userId: string, status: Status) {
  const append = (text: string) =>
    new Promise<void>((resolve) => {
      process.stdout.write(text, () => resolve())
    })
  const source = `${database.place}, user ${userId}`
  const records = await write(database, userId, append, undefined, status, source)
  console.error(`${records} records. They contain every message in clear text: keep them safe.`)
  return undefined
}

async function write(
  database: RelayDatabase,
  userId: string,
  append: (text: string) => Promise<void>,
  begun: Export | undefined,
  status: Status,
  source: string,
): Promise<number> {
  const asOf = begun?.asOf ?? status.as_of ?? status.now
  const progress = startProgress(begun?.records ?? 0, status.thread_count + status.message_count)
  const appendLines = (lines: object[]) =>
    append(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))

  const expected = begun?.expected ?? {
    threads: status.thread_count,
    messages: status.message_count,
  }
  const counts = begun?.counts ?? createCounts()
  if (!begun) {
    await appendLines([{ kind: 'relay-mcp export', version: 1, source, as_of: asOf, ...expected }])
  }
  let position: Position | undefined = begun?.last
  for (const kind of KINDS.slice(position ? KINDS.indexOf(position.kind) : 0)) {
    for (;;) {
      const behind = position?.kind === kind ? position : undefined
      const page: Position[] = await database.call('relay_export', {
        p_user_id: userId,
        p_kind: kind,
        p_as_of: asOf,
        p_thread_id: behind && (behind.thread_id ?? behind.id),
        p_seq: behind?.seq,
        p_reader_tag: behind?.reader_tag,
      })
      if (page.length === 0) break
      await appendLines(page)
      position = page.at(-1)
      counts[kind] += page.length
      progress.add(page.length)
    }
  }
  requireAll(counts, expected)
  await appendLines([{ kind: 'end', records: progress.done }])
  progress.end()
  return progress.done
}

/** Everything that existed when the export began must be in the file, unless it was deleted since. */
function requireAll(counts: Export['counts'], { threads, messages }: Export['expected']): void {
  if (counts.thread >= threads && counts.message >= messages) return
  throw new UserError(
    `The export is incomplete. When it began, the relay had ${threads} threads and ${messages} messages; ` +
      `the file has ${counts.thread} and ${counts.message}. Either some were deleted meanwhile, or their ` +
      'times are ahead of the clock of the database. Export to a new file.',
  )
}
