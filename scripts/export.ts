/**
 * Writes every thread, message and cursor of a relay to a file of JSON Lines, for a backup or for
 * another relay to import. Goes on where it stopped when the file is there and not complete.
 *
 *   npm run export -- relay.jsonl
 *
 * Reads the relay of `npm start`, running or not; with SUPABASE_URL, SUPABASE_SERVICE_KEY and
 * RELAY_USER_ID in the environment or in .dev.vars, that of the Supabase project.
 * Exit codes: 0 complete, 1 not.
 */
import { constants, type FileHandle, open } from 'node:fs/promises'
import { openDatabase, type RelayDatabase } from './lib/database.ts'
import { type Export, KINDS, type Position, readExport } from './lib/export-file.ts'
import { startProgress } from './lib/progress.ts'
import { run } from './lib/run.ts'
import { readSettings } from './lib/settings.ts'
import { UserError } from './lib/user-error.ts'

await run(async () => {
  const path = process.argv[2] ?? `relay-${new Date().toISOString().slice(0, 10)}.jsonl`
  const settings = readSettings(process.cwd())
  await using database = await openDatabase(settings)
  const status = await database.call('relay_status', { p_user_id: settings.userId })
  const begun = await readExport(path)
  if (begun?.isComplete) {
    throw new UserError(
      `${path} is complete already, with ${begun.records} records: name another file.`,
    )
  }
  console.log(`Exporting ${database.place} to ${path}${begun ? ', from where it stopped' : ''}.`)
  await using file = await open(path, constants.O_RDWR | constants.O_CREAT, 0o600)
  const records = await write(database, settings.userId, file, begun, status)
  console.log(`${records} records. It holds every message in clear text: keep it safe.`)
})

interface Status {
  now: string
  thread_count: number
  message_count: number
}

async function write(
  database: RelayDatabase,
  userId: string,
  file: FileHandle,
  begun: Export | undefined,
  status: Status,
): Promise<number> {
  const asOf = begun?.asOf ?? status.now
  const progress = startProgress(begun?.records ?? 0, status.thread_count + status.message_count)
  let offset = begun?.bytes ?? 0
  async function append(lines: object[]): Promise<void> {
    const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('')
    await file.write(text, offset)
    offset += Buffer.byteLength(text)
  }

  // What was cut short after the last whole line is written again.
  await file.truncate(offset)
  if (!begun) await append([{ kind: 'relay-mcp export', version: 1, as_of: asOf }])
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
      await append(page)
      position = page.at(-1)
      progress.add(page.length)
    }
  }
  await append([{ kind: 'end', records: progress.done }])
  await file.sync()
  progress.end()
  return progress.done
}
