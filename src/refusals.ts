/** The SQL functions' refusals as sentences from which a model can correct its call. */
import { type DatabaseError, RelayError, type RelayErrorCode, RevokedError } from './errors.ts'
import { quote, resembling } from './similar.ts'

/** The refusal that a code of the database stands for; undefined for any other code. */
export function refusalOf(error: DatabaseError): RelayError | RevokedError | undefined {
  if (error.code === 'RL014') return new RevokedError(error.message)
  const refusal = REFUSALS[error.code]
  return refusal && new RelayError(refusal.code, refusal.message(error))
}

/** SQLSTATEs of migrations/001_initial.sql. The parts of a sentence come in `details` and `hint`. */
const REFUSALS: Record<
  string,
  { code: RelayErrorCode; message: (error: DatabaseError) => string }
> = {
  RL001: {
    code: 'thread_not_found',
    message: ({ details, hint }) =>
      `thread ${quote(details ?? '')} not found. ${suggestThreads(details ?? '', parse(hint, []))}`,
  },
  RL002: {
    code: 'thread_exists',
    message({ details }) {
      const { name, archived } = parse(details, { name: '', archived: false })
      return archived
        ? `thread ${quote(name)} already exists and is archived. Post to it with relay_post_message, which reopens it, or restore it with relay_archive_thread and archived=false.`
        : `thread ${quote(name)} already exists. Post to it with relay_post_message.`
    },
  },
  RL003: {
    code: 'idempotency_key_reused',
    message: ({ details }) =>
      `idempotency_key already belongs to another message of this thread (seq ${details}). Nothing was posted. Use a new key for a new message.`,
  },
  RL004: {
    code: 'ack_seq_out_of_range',
    message({ details }) {
      const { name, last_seq } = parse(details, { name: '', last_seq: 0 })
      return `ack_seq is above the last seq of thread ${quote(name)}, ${last_seq}. Pass the seq of a message that you received.`
    },
  },
  RL005: {
    code: 'query_without_word',
    message: () =>
      'query has no search term. Give at least one word that is not excluded with "-".',
  },
  RL009: {
    code: 'thread_ambiguous',
    message: ({ details }) =>
      `Several threads match that name: ${parse<string[]>(details, []).map(quote).join(', ')}. Give one of these names exactly.`,
  },
  RL011: {
    code: 'reader_of_another',
    message: ({ details }) =>
      `reader_tag ${quote(details ?? '')} is used by another connection, or looks like one that is. This connection may only read, so it needs a reader_tag of its own; with peek=true it may look under the tag of another.`,
  },
  RL012: {
    code: 'too_many_readers',
    message: ({ details }) =>
      `This connection has used too many new reader_tags in the last hour. Use the one that you have used before, or try again after ${details}.`,
  },
  RL015: {
    code: 'may_not_manage',
    message: () => 'Only the board and the key of the relay itself may manage the relay.',
  },
  RL016: {
    code: 'connection_not_found',
    message: ({ details }) => `There is no connection ${quote(details ?? '')}.`,
  },
  RL017: {
    code: 'reader_forgotten',
    message: ({ details }) =>
      `The person has just made the relay forget reader_tag ${quote(details ?? '')}. After a minute it is a new reader.`,
  },
  RL018: {
    code: 'thread_not_deleted',
    message: ({ details, hint }) =>
      details === 'confirm'
        ? `confirm must be the name of the thread, ${quote(hint ?? '')}.`
        : `thread ${quote(hint ?? '')} is not archived. Only an archived thread can be deleted.`,
  },
  RL019: {
    code: 'reader_not_found',
    message: ({ details }) =>
      details === 'board'
        ? 'reader_tag "board" is the person, and cannot be forgotten.'
        : `There is no reader ${quote(details ?? '')}.`,
  },
  RL020: {
    code: 'too_many_subscriptions',
    message: ({ details }) =>
      `This relay has ${details} subscriptions, and takes no more. The board lists them, and can end them.`,
  },
  RL022: {
    code: 'too_many_devices',
    message: ({ details }) =>
      `${details} devices ring for this relay, and it takes no more. End one of them first.`,
  },
  RL021: {
    code: 'target_not_found',
    message: ({ details }) => `There is no target ${quote(details ?? '')}.`,
  },
  RL013: {
    code: 'since_in_future',
    message: ({ details }) => `since is ahead of the relay's clock, which says ${details}.`,
  },
  RL010: {
    code: 'seq_not_found',
    message({ details }) {
      const { name, seq } = parse(details, { name: '', seq: 0 })
      return `thread ${quote(name)} has no message with seq ${seq}. relay_read_thread without seq lists them.`
    },
  },
}

/** JSON that a function of ours wrote; `otherwise` if it is another version of the function. */
function parse<T>(json: string | null | undefined, otherwise: T): T {
  try {
    return JSON.parse(json ?? '') as T
  } catch {
    return otherwise
  }
}

/** Names that a caller may have meant: close ones only, since any other would mislead. */
function suggestThreads(missing: string, names: string[]): string {
  if (names.length === 0) return 'There are no threads yet; relay_post_message creates one.'
  const close = resembling(missing, names)
  if (close.length === 0) return 'relay_list_threads lists them.'
  return `Closest names: ${close.map(quote).join(', ')}.`
}
