/** Clauses of a note that more than one tool says: about readers, and about contents that were cut. */
import { quote, resembling } from '../similar.ts'

/** Another reader, and when it was last seen. */
export interface Seen {
  reader_tag: string
  last_seen_at: string
}

/** A number with its noun, in the singular or the plural: `1 message`, `3 messages`. */
export function tally(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

/** Readers that a note or a field names at most. */
const MAX_READERS = 10

/** The fields of an answer about a new reader, and about the messages its introduction skipped. */
export interface ReaderAnswer {
  new_reader?: boolean
  known_readers?: Seen[]
  skipped?: { thread_name: string; message_count: number }[]
  skipped_thread_count?: number
}

/** Unread messages that are meant for this reader, in any thread. */
export type Addressed = { thread_name: string; seq: number }[]

/** An answer with the readers that a new one may be: those that resemble it first, at most ten. */
export function rankKnownReaders<Answer extends ReaderAnswer>(
  answer: Answer,
  readerTag: string | undefined,
): Answer {
  const { known_readers } = answer
  if (!known_readers || readerTag === undefined) return answer
  const like = resembling(
    readerTag,
    known_readers.map(({ reader_tag }) => reader_tag),
    MAX_READERS,
  )
  const isLike = ({ reader_tag }: Seen) => like.includes(reader_tag)
  const ranked = [...known_readers.filter(isLike), ...known_readers.filter((each) => !isLike(each))]
  return { ...answer, known_readers: ranked.slice(0, MAX_READERS) }
}

/** For a tag that was not known before. */
export function noteNewReader({ new_reader, known_readers = [] }: ReaderAnswer): string[] {
  if (!new_reader) return []
  if (known_readers.length === 0) return ['This reader_tag is new']
  return [
    `This reader_tag is new. Known readers: ${listReaders(known_readers)}. If you are one of these, use that tag`,
  ]
}

/** Messages that an introduction skipped. */
export function noteSkipped({ skipped = [], skipped_thread_count = 0 }: ReaderAnswer): string[] {
  if (skipped.length === 0) return []
  const shown = skipped
    .slice(0, 5)
    .map((each) => `${each.message_count} in ${quote(each.thread_name)}`)
  const more = skipped_thread_count - shown.length
  return [
    `Older messages count as read: ${shown.join(', ')}${more > 0 ? ` and in ${tally(more, 'more thread')}` : ''}. relay_read_thread shows them`,
  ]
}

/** `"laptop-code" (last seen 2026-01-31T09:30:00Z)` and so on. */
export function listReaders(readers: Seen[]): string {
  return readers
    .slice(0, MAX_READERS)
    .map(
      ({ reader_tag, last_seen_at }) =>
        `${quote(reader_tag)} (last seen ${toSeconds(last_seen_at)})`,
    )
    .join(', ')
}

/** Said when a call that marks messages as read failed, and may have taken place. */
export const IF_READ_IS_UNKNOWN =
  'Messages may have been marked as read that never arrived: relay_read_thread shows them.'

/** A time to the second, which is enough for a sentence. */
export function toSeconds(time: string): string {
  return time.replace(/\.\d+/, '')
}

/** Names the unread messages that are meant for this reader. */
export function noteAddressedUnread(addressed: Addressed = []): string[] {
  if (addressed.length === 0) return []
  const shown = addressed.map((each) => `${quote(each.thread_name)} seq ${each.seq}`).join(', ')
  return [`Addressed to you and still unread: ${shown}`]
}

interface Cut {
  thread_name?: string | undefined
  seq: number
  content_length?: number | undefined
}

/** Which contents were cut, and how to get them whole. */
export function noteCut(messages: Cut[], threadName: string | undefined): string[] {
  const cut = messages.filter(({ content_length }) => content_length !== undefined)
  if (cut.length === 0) return []
  const shown = cut
    .slice(0, 10)
    .map(({ thread_name = threadName, seq }) => `${nameThread(thread_name)}seq ${seq}`)
  const more = cut.length > shown.length ? ` and ${cut.length - shown.length} more` : ''
  return [
    `Long contents were cut (${shown.join(', ')}${more}): relay_read_thread with seq returns one whole`,
  ]
}

function nameThread(name: string | undefined): string {
  return name === undefined ? '' : `${quote(name)} `
}
