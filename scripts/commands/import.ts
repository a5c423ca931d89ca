/** `npm run import`: adds the data of an export to a relay. */
import { createHash } from 'node:crypto'
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { defineCommand } from '../lib/command.ts'
import { startProgress } from '../lib/progress.ts'
import { readSettings } from '../lib/settings.ts'
import { UsageError, UserError } from '../lib/user-error.ts'
import { openDatabase, type RelayDatabase } from '../transfer/database.ts'
import { type Export, readExport, readLines } from '../transfer/export-file.ts'

const HELP = `
npm run import -- FILE

Adds the data of an export to a relay: threads, messages with their seq and times, and what each reader
has read. Existing data is kept, so it is safe to run it again, and a relay can be moved away and back.
If it is interrupted, run it again to resume.

Imports into the relay of npm start, whether or not it is running. To import into a Supabase project, set
SUPABASE_URL, SUPABASE_SERVICE_KEY and RELAY_USER_ID in the environment or in .dev.vars.
`

/** Limits of one request, well within the body size and the time limit of the API. */
const MAX_RECORDS = 500
/** Fewer, because each may get a cursor in every thread of the relay. */
const MAX_READERS = 20
const MAX_BYTES = 1_000_000

export const command = defineCommand({
  help: HELP,
  options: {},
  arguments: ['FILE'],
  async run(_, [path]) {
    if (!path) throw new UsageError('The file is missing: npm run import -- relay.jsonl')
    const settings = readSettings(process.cwd())
    const found = await readExport(path)
    if (!found) throw new UserError(`${path} does not exist or is empty.`)
    if (!found.isComplete) {
      throw new UserError(`${path} is incomplete: run npm run export with the same file first.`)
    }
    await using database = await openDatabase(settings)
    console.log(`Importing ${path}, ${found.records} records, into ${database.place}.`)
    const added = await send(database, settings.userId, path, found)
    console.log(
      `Added ${added.threads} threads, ${added.readers} readers, ${added.cursors} cursors and ` +
        `${added.messages} messages. Everything else in the file was in the relay already.`,
    )
    return undefined
  },
})

interface Counts {
  threads: number
  readers: number
  cursors: number
  messages: number
}

async function send(
  database: RelayDatabase,
  userId: string,
  path: string,
  { records: total, head, bytes }: Export,
): Promise<Counts> {
  // Another file may have been put in the place of the one whose import was interrupted.
  const file = createHash('sha256').update(`${bytes} ${head}`).digest('base64url')
  const bookmark = openBookmark(`${path}.progress`, `${file}, ${database.place}, ${userId}`)
  const counts = { threads: 0, readers: 0, cursors: 0, messages: 0 }
  // Existing readers must not be flooded with imported messages, nor readers of the file with existing ones.
  const readers: string[] = []
  const threads: string[] = []
  const lastSeqs: Record<string, unknown> = {}
  const progress = startProgress(0, total)
  let records: unknown[] = []
  let kind: unknown
  // The position in the file of the first record that has not been sent.
  let begin = 0
  let behind = 0

  async function flush(line: number): Promise<void> {
    if (records.length === 0) return
    const args = { p_user_id: userId, p_records: records, p_reader_tags: readers }
    const added: Counts = await database.call('relay_import', {
      ...args,
      ...(kind === 'reader' && { p_thread_ids: threads }),
      ...(kind === 'message' && { p_last_seqs: lastSeqsOf(records) }),
    })
    for (const name of Object.keys(counts) as (keyof Counts)[]) counts[name] += added[name]
    bookmark.move(line)
    records = []
  }

  /** The last seq in the file of each thread that these messages belong to. */
  function lastSeqsOf(messages: unknown[]) {
    const ids = new Set((messages as { thread_id: string }[]).map(({ thread_id }) => thread_id))
    return Object.fromEntries([...ids].map((id) => [id, lastSeqs[id]]))
  }

  for await (const { number, value, end } of readLines(path)) {
    if (value.kind === 'end') break
    if (number === 1) continue
    const limit = kind === 'reader' ? MAX_READERS : MAX_RECORDS
    if (value.kind !== kind || records.length === limit || end - begin > MAX_BYTES) {
      await flush(number - 1)
      begin = behind
      kind = value.kind
    }
    behind = end
    progress.add(1)
    if (value.kind === 'thread') {
      threads.push(String(value.id))
      lastSeqs[String(value.id)] = value.last_seq
    }
    if (value.kind === 'reader') readers.push(String(value.reader_tag))
    if (number > bookmark.line) records.push(value)
  }
  await flush(total + 1)
  bookmark.remove()
  progress.end()
  return counts
}

/**
 * Remembers how many lines of the file are in the relay, in a file next to it until all are. `target` names
 * both.
 */
function openBookmark(path: string, target: string) {
  const kept = read()
  return {
    line: kept?.target === target ? kept.line : 0,
    move(line: number) {
      // Replaced, not written to: there may be a link of that name, as in any folder that others share.
      const draft = `${path}.${process.pid}`
      rmSync(draft, { force: true })
      writeFileSync(draft, JSON.stringify({ target, line }), { mode: 0o600, flag: 'wx' })
      renameSync(draft, path)
    },
    remove: () => rmSync(path, { force: true }),
  }

  function read(): { target: string; line: number } | undefined {
    try {
      return JSON.parse(readFileSync(path, 'utf8'))
    } catch {
      return undefined
    }
  }
}
