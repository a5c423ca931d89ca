/**
 * Messages to a model about a refused or failed tool call, and the meaning of the database's codes.
 * HTTP, JSON-RPC and OAuth errors live with their protocols. Leaf: scripts import it too.
 */

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
  target_not_found: { outcome: 'refused' },
  too_many_devices: { outcome: 'refused' },
  too_many_subscriptions: { outcome: 'refused' },
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
