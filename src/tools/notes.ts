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

/** The fields of an answer about its reader: whether it is new, and its messages in any thread. */
export interface ReaderAnswer {
  new_reader?: boolean
  known_readers?: Seen[]
  skipped?: { thread_name: string; message_count: number }[]
  skipped_thread_count?: number
  /** Unread messages that are addressed to this reader, the newest three, and how many there are if more. */
  addressed_unread?: Addressed[]
  addressed_unread_count?: number
  /** Its own messages to others of which an answer is due, likewise. */
  sent?: Sent[]
  sent_count?: number
}

export interface Addressed {
  thread_name: string
  seq: number
  from?: string
  content: string
  content_length?: number
  created_at: string
}

export interface Sent {
  thread_name: string
  seq: number
  to: string
  given: boolean
}

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

/** For a tag that was not known before. `isSeen`: the text has the field that names the other readers. */
export function noteNewReader(
  { new_reader, known_readers = [] }: ReaderAnswer,
  isSeen: boolean,
): string[] {
  if (!new_reader || known_readers.length === 0) return []
  if (isSeen) return ['If you are one of known_readers, use that reader_tag']
  return [
    `This reader_tag is new. Known readers: ${listReaders(known_readers)}. If you are one of these, use that tag`,
  ]
}

/** Messages that count as read, because the reader is new or asked for newer ones only. */
export function noteSkipped({ skipped = [] }: ReaderAnswer): string[] {
  return skipped.length > 0 ? ['relay_read_thread shows skipped messages'] : []
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
function toSeconds(time: string): string {
  return time.replace(/\.\d+/, '')
}

/** Unread messages that are addressed to this reader. `isSeen`: the text has them. */
export function noteAddressedUnread(
  { addressed_unread = [], addressed_unread_count }: ReaderAnswer,
  isSeen: boolean,
): string[] {
  if (addressed_unread.length === 0) return []
  if (isSeen) return ['addressed_unread is for you, and unread until you check its thread']
  const shown = addressed_unread.map(
    ({ thread_name, seq, from, content, content_length }) =>
      `${quote(thread_name)} seq ${seq}${from === undefined ? '' : ` from ${quote(from)}`}: ${quote(content)}${content_length === undefined ? '' : '…'}`,
  )
  const all = addressed_unread_count === undefined ? '' : ` (${addressed_unread_count} in all)`
  return [`Addressed to you and unread${all}: ${shown.join('; ')}`]
}

/** The reader's own messages that wait for an answer, where the text does not have them. */
export function noteSent({ sent = [] }: ReaderAnswer, isSeen: boolean): string[] {
  if (isSeen || sent.length === 0) return []
  const shown = sent.map(
    ({ thread_name, seq, to, given }) =>
      `${quote(thread_name)} seq ${seq} to ${quote(to)} (${given ? 'received' : 'not received yet'})`,
  )
  return [`No answer yet to ${shown.join(', ')}`]
}

/** An answer that the limit of size cut. */
export function noteSize({
  messages,
  uncut_count,
}: {
  messages: unknown[]
  uncut_count?: number
}): string[] {
  return uncut_count === undefined ? [] : [`${messages.length} of ${uncut_count}: cut by size`]
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
