/**
 * Builds migrations/001_initial.sql, the file that people paste and set-up runs, from its parts in
 * migrations/source/. The order is that of use: tables, 0.1.0, indexes, what the tools share, one file per
 * tool, the rest. A test compares the built file with its parts.
 *
 *   npm run build:migration
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const PARTS = [
  'schema.sql',
  'tables.sql',
  'upgrade.sql',
  'indexes.sql',
  'functions/shared.sql',
  'functions/connections.sql',
  'functions/deliveries.sql',
  'functions/readers.sql',
  'functions/open_messages.sql',
  'functions/search.sql',
  'functions/list_threads.sql',
  'functions/create_thread.sql',
  'functions/post_message.sql',
  'functions/read_thread.sql',
  'functions/check_new.sql',
  'functions/archive_thread.sql',
  'functions/browse.sql',
  'functions/targets.sql',
  'functions/poll_events.sql',
  'functions/manage.sql',
  'functions/manage_threads.sql',
  'functions/status.sql',
  'functions/transfer.sql',
  'end.sql',
]

const HEADER =
  '-- Built from migrations/source/ by `npm run build:migration`: change the parts, not this file.\n'

/** The migration as its parts say it is. */
export function buildMigration(): string {
  const read = (part: string) => readFileSync(new URL(`source/${part}`, import.meta.url), 'utf8')
  return [HEADER, ...PARTS.map(read)].join('\n')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(new URL('001_initial.sql', import.meta.url), buildMigration())
}
