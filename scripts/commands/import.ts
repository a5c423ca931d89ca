/** `npm run import`: adds the data of an export to a relay. */
import { defineCommand } from '../lib/command.ts'
import { readSettings } from '../lib/settings.ts'
import { UsageError } from '../lib/user-error.ts'
import { openDatabase, type RelayDatabase } from '../transfer/database.ts'
import { countRecords, HEAD, readLines } from '../transfer/export-file.ts'

const HELP = `
npm run import -- FILE

Adds the data of an export to a relay: threads, messages with their seq and times, and what each reader
has read. Existing data is kept, so it is safe to run it again, also after an interruption, and a relay can
be moved away and back.

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
    const total = await countRecords(path)
    await using database = await openDatabase(settings)
    console.log(`Importing ${path}, ${total} records, into ${database.place}.`)
    const added = await send(database, settings.userId, path)
    console.log(
      `Added ${added.threads} threads, ${added.readers} readers, ${added.cursors} cursors and ` +
        `${added.messages} messages. Everything else in the file was in the relay already.`,
    )
    return undefined
  },
})

async function send(database: RelayDatabase, userId: string, path: string) {
  const counts = { threads: 0, readers: 0, cursors: 0, messages: 0 }
  // Existing readers must not be flooded with imported messages, nor readers of the file with existing ones.
  const readers: string[] = []
  const threads: string[] = []
  const lastSeqs: Record<string, unknown> = {}
  let records: Record<string, unknown>[] = []
  let kind: unknown
  let size = 0

  async function flush(): Promise<void> {
    if (records.length === 0) return
    const added: typeof counts = await database.call('relay_import', {
      p_user_id: userId,
      p_records: records,
      p_reader_tags: readers,
      ...(kind === 'reader' && { p_thread_ids: threads }),
      ...(kind === 'message' && { p_last_seqs: lastSeqsOf(records) }),
    })
    for (const name of Object.keys(counts) as (keyof typeof counts)[]) counts[name] += added[name]
    records = []
    size = 0
  }

  /** The last seq in the file of each thread that these messages belong to. */
  function lastSeqsOf(messages: Record<string, unknown>[]) {
    const ids = new Set(messages.map(({ thread_id }) => String(thread_id)))
    return Object.fromEntries([...ids].map((id) => [id, lastSeqs[id]]))
  }

  for await (const { value, bytes } of readLines(path)) {
    if (value.kind === HEAD || value.kind === 'end') continue
    const limit = kind === 'reader' ? MAX_READERS : MAX_RECORDS
    if (value.kind !== kind || records.length === limit || size + bytes > MAX_BYTES) await flush()
    kind = value.kind
    if (value.kind === 'thread') {
      threads.push(String(value.id))
      lastSeqs[String(value.id)] = value.last_seq
    }
    if (value.kind === 'reader') readers.push(String(value.reader_tag))
    records.push(value)
    size += bytes
  }
  await flush()
  return counts
}
