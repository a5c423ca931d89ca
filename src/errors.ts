/**
 * Messages to a model about a refused or failed tool call, and the meaning of the database's codes.
 * HTTP, JSON-RPC and OAuth errors live with their protocols. Leaf: scripts import it too.
 */
import { quote, resembling } from './similar.ts'

/**
 * Every way in which a tool call can fail. `refused`: the caller can correct it, and the message, given
 * where it is thrown, says how. `failed`: the relay's or the database's fault; the message is here,
 * addressed to the person who can act on it. db.ts adds whether the call may have taken place.
 */
const ERRORS = {
  ack_seq_out_of_range: { outcome: 'refused' },
  batch_full: { outcome: 'refused' },
  connection_not_found: { outcome: 'refused' },
  idempotency_key_reused: { outcome: 'refused' },
  invalid_arguments: { outcome: 'refused' },
  invalid_cursor: { outcome: 'refused' },
  invalid_params: { outcome: 'refused' },
  may_not_manage: { outcome: 'refused' },
  query_without_word: { outcome: 'refused' },
  reader_forgotten: { outcome: 'refused' },
  reader_not_found: { outcome: 'refused' },
  reader_of_another: { outcome: 'refused' },
  resource_not_found: { outcome: 'refused' },
  seq_not_found: { outcome: 'refused' },
  since_in_future: { outcome: 'refused' },
  thread_ambiguous: { outcome: 'refused' },
  thread_exists: { outcome: 'refused' },
  thread_not_deleted: { outcome: 'refused' },
  thread_not_found: { outcome: 'refused' },
  too_many_guesses: { outcome: 'refused' },
  too_many_readers: { outcome: 'refused' },
  unknown_prompt: { outcome: 'refused' },
  wrong_key: { outcome: 'refused' },

  api_blocked: {
    outcome: 'failed',
    message:
      "A page of a firewall answered instead of Supabase. Try again in a moment; if it persists, check SUPABASE_URL and the project's network restrictions.",
  },
  api_rate_limited: {
    outcome: 'failed',
    message: 'Supabase is limiting the requests of the relay. Try again in a minute.',
  },
  api_starting: {
    outcome: 'failed',
    message:
      'The API of the database is starting, or has no free connection. Try again in a moment. If it persists, restart the project at https://supabase.com/dashboard.',
  },
  api_timeout: {
    outcome: 'failed',
    message: "Supabase's gateway gave up waiting for the database, which is probably overloaded.",
  },
  database_answer_unexpected: {
    outcome: 'failed',
    message:
      'The database returned an answer that the relay does not understand: SUPABASE_URL may not point to a Supabase project, or its migrations are from another version.',
  },
  database_busy: {
    outcome: 'failed',
    message: 'The database is busy. Try again in a moment.',
  },
  database_error: {
    outcome: 'failed',
    message: "The database reported an error. Try again; if it persists, see the relay's log.",
  },
  database_full: {
    outcome: 'failed',
    message: 'The database is full. Its operator must free some space.',
  },
  database_read_only: {
    outcome: 'failed',
    message:
      'The database is read-only, which Supabase does when a project has used up its disk. Its operator must free space or enlarge the disk at https://supabase.com/dashboard.',
  },
  database_timeout: {
    outcome: 'failed',
    message: 'The database did not answer within 8 seconds.',
  },
  database_unreachable: {
    outcome: 'failed',
    message:
      'The database cannot be reached. If it is a paused Supabase project, restore it at https://supabase.com/dashboard; if it runs under npm start, its terminal says what happened.',
  },
  migration_missing: {
    outcome: 'failed',
    message:
      "The relay's database is not set up for this version. Its operator must run npm run setup, or migrations/001_initial.sql in the SQL editor.",
  },
  permission_denied: {
    outcome: 'failed',
    message:
      'The database denied access to the relay. SUPABASE_SERVICE_KEY must be the secret (service_role) key, and migrations/001_initial.sql must have been applied.',
  },
  project_restricted: {
    outcome: 'failed',
    message:
      'Supabase has restricted this project, because it is over a quota of its plan or a bill is overdue: https://supabase.com/dashboard says which.',
  },
  schema_not_exposed: {
    outcome: 'failed',
    message:
      "Supabase's API does not expose the schema public. Its operator must add it under Project Settings › Data API › Exposed schemas.",
  },
  service_key_refused: {
    outcome: 'failed',
    message: "Supabase refuses the relay's key: SUPABASE_SERVICE_KEY is wrong or was revoked.",
  },
  statement_timeout: {
    outcome: 'failed',
    message: 'The database took too long and gave up. Ask for less, or try again.',
  },
} as const satisfies Record<string, { outcome: 'refused' | 'failed'; message?: string }>

export type RelayErrorCode = keyof typeof ERRORS

/** Codes whose message is in the table. */
export type FaultCode = {
  [Code in RelayErrorCode]: (typeof ERRORS)[Code]['outcome'] extends 'failed' ? Code : never
}[RelayErrorCode]

/** A tool call that was refused, or that the database failed: becomes a result with `isError: true`. */
export class RelayError extends Error {
  override readonly name = 'RelayError'
  /** Stable and for machines; the message is for the model. */
  readonly code: RelayErrorCode
  /** `failed` is the relay's or the database's fault, `refused` the caller's to correct. */
  readonly outcome: 'refused' | 'failed'
  /** Only for the log: the words of the other side. */
  readonly reason: string | undefined
  /** The code of PostgREST or PostgreSQL, else the HTTP status; 0 where no answer came. */
  readonly apiCode: string | undefined

  constructor(
    code: RelayErrorCode,
    message: string,
    options: { reason?: string; apiCode?: string } = {},
  ) {
    super(message)
    this.code = code
    this.outcome = ERRORS[code].outcome
    this.reason = options.reason
    this.apiCode = options.apiCode
  }
}

/**
 * The connection of the caller was cut off, so its token is no longer valid. Not a RelayError: code that
 * catches refusals lets it pass, up to the answer 401.
 */
export class RevokedError extends Error {
  override readonly name = 'RevokedError'
}

/** The sentence for a fault. */
export function faultMessage(code: FaultCode): string {
  return ERRORS[code].message
}

/** An error body of the API: PostgREST's, whose `code` is an SQLSTATE or `PGRSTnnn`. */
export interface DatabaseError {
  code: string
  message: string
  details?: string | null | undefined
  hint?: string | null | undefined
}

/** The refusal that a code of the database stands for; undefined for any other code. */
export function refusalOf(error: DatabaseError): RelayError | RevokedError | undefined {
  if (error.code === 'RL014') return new RevokedError(error.message)
  const refusal = REFUSALS[error.code]
  return refusal && new RelayError(refusal.code, refusal.message(error))
}

/**
 * The meaning of a code of PostgreSQL (SQLSTATE) or PostgREST; undefined for one without a meaning of its
 * own. Scripts use it too.
 */
export function faultOfCode(code: string): FaultCode | undefined {
  return FAULT_CODES.find(([codes]) => codes.test(code))?.[1]
}

const FAULT_CODES: readonly [RegExp, FaultCode][] = [
  [/^(PGRST20[235]|42883|42P01|42703)$/, 'migration_missing'],
  [/^PGRST106$/, 'schema_not_exposed'],
  [/^42501$/, 'permission_denied'],
  [/^PGRST30\d$/, 'service_key_refused'],
  [/^PGRST00[23]$/, 'api_starting'],
  [/^(PGRST00[01]|08...|57P0[1-3])$/, 'database_unreachable'],
  [/^25006$/, 'database_read_only'],
  [/^53100$/, 'database_full'],
  [/^(55P03|40P01|40001|23503|53...)$/, 'database_busy'],
  [/^57014$/, 'statement_timeout'],
]

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
