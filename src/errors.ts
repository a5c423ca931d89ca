/**
 * What the relay tells a model when a tool call is refused or fails, and the one table that turns the
 * database's codes into it. HTTP, JSON-RPC and OAuth errors live with their protocols.
 */
import { quote, resembling } from './similar.ts'

/** A tool call that was refused, or that the database failed: becomes a result with `isError: true`. */
export class RelayError extends Error {
  override readonly name = 'RelayError'
  /** Stable and for machines; the message is for the model. */
  readonly code: string
  /** `failed` is the relay's or the database's fault, `refused` the caller's to mend. */
  readonly outcome: 'refused' | 'failed'
  /** For the log alone: what the other side said. */
  readonly reason: string | undefined
  /** The code of PostgREST or PostgreSQL, else the HTTP status; 0 where no answer came. */
  readonly apiCode: string | undefined

  constructor(
    code: string,
    message: string,
    options: { outcome?: 'refused' | 'failed'; reason?: string; apiCode?: string } = {},
  ) {
    super(message)
    this.code = code
    this.outcome = options.outcome ?? 'refused'
    this.reason = options.reason
    this.apiCode = options.apiCode
  }
}

/** An error body of the API: PostgREST's, whose `code` is an SQLSTATE or `PGRSTnnn`. */
export interface DatabaseError {
  code: string
  message: string
  details?: string | null | undefined
  hint?: string | null | undefined
}

/** The error that a code of the database stands for; undefined for a code that is not in the table. */
export function errorOfCode(error: DatabaseError): RelayError | undefined {
  const refusal = REFUSALS[error.code]
  if (refusal) return new RelayError(refusal.code, refusal.message(error))
  const fault = FAULTS.find(({ codes }) => codes.test(error.code))
  if (!fault) return undefined
  return new RelayError(fault.code, fault.message, {
    outcome: 'failed',
    reason: `${error.code} ${error.message}`,
    apiCode: error.code,
  })
}

/** SQLSTATEs of migrations/001_initial.sql. What a sentence needs comes in `details` and `hint`. */
const REFUSALS: Record<string, { code: string; message: (error: DatabaseError) => string }> = {
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
      return `ack_seq is above the last seq of thread ${quote(name)}, ${last_seq}. Pass the seq of a message that you were given.`
    },
  },
  RL005: {
    code: 'query_without_word',
    message: () => 'query looks for nothing. Give at least one word that is not excluded with "-".',
  },
  RL009: {
    code: 'thread_ambiguous',
    message: ({ details }) =>
      `Several threads match that name: ${parse<string[]>(details, []).map(quote).join(', ')}. Nothing was changed. Give one of these names exactly.`,
  },
  RL010: {
    code: 'seq_not_found',
    message({ details }) {
      const { name, seq } = parse(details, { name: '', seq: 0 })
      return `thread ${quote(name)} has no message with seq ${seq}. relay_read_thread without seq shows which there are.`
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

const FAULTS = [
  {
    codes: /^(PGRST202|PGRST203|42883|42P01|42703)$/,
    code: 'migration_missing',
    message:
      "The relay's database is not set up for this version: apply the files in migrations/ to the Supabase project.",
  },
  {
    codes: /^42501$/,
    code: 'permission_denied',
    message:
      'The database does not let the relay in: SUPABASE_SERVICE_KEY must be the secret (service_role) key, and migrations/001_initial.sql must have been applied.',
  },
  {
    codes: /^PGRST30\d$/,
    code: 'service_key_refused',
    message: 'Supabase refuses the key of the relay: SUPABASE_SERVICE_KEY is wrong or was revoked.',
  },
  {
    codes: /^53100$/,
    code: 'database_full',
    message:
      'The database has no space left. Nothing was changed, and whoever runs it must make room.',
  },
  {
    codes: /^(55P03|40P01|40001|23503|53...)$/,
    code: 'database_busy',
    message: 'The database is busy. Nothing was changed; try again in a moment.',
  },
  {
    codes: /^57014$/,
    code: 'database_timeout',
    message:
      'The database took too long and gave up. Nothing was changed; ask for less, or try again.',
  },
] as const

/** Names that a caller may have meant: close ones only, since any other would mislead. */
function suggestThreads(missing: string, names: string[]): string {
  if (names.length === 0) return 'There are no threads yet; relay_post_message creates one.'
  const close = resembling(missing, names)
  if (close.length === 0) return 'relay_list_threads shows which there are.'
  return `Closest names: ${close.map(quote).join(', ')}.`
}
