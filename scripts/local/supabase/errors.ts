/**
 * The errors of Supabase's API: the bodies of its key check, and PostgREST's body and status for each
 * SQLSTATE (PostgREST 14, references/errors). Callers decide by `code`, so the codes must be identical.
 */
import { DatabaseError } from 'pg'

interface Extra {
  details?: string | null
  hint?: string | null
}

export class ApiError extends Error {
  readonly status: number
  readonly code: string | undefined
  readonly body: Record<string, unknown>

  constructor(
    status: number,
    code: string | undefined,
    message: string,
    { details = null, hint = null }: Extra = {},
  ) {
    super(message)
    this.status = status
    this.code = code
    this.body = code ? { code, details, hint, message } : { message, hint }
  }
}

const KEY_REFUSALS = {
  missing: ['No API key found in request', 'No `apikey` request header or url param was found.'],
  unknown: ['Invalid API key', 'Double check your API key.'],
  browser: [
    'Forbidden use of secret API key in browser',
    'Secret API keys can only be used in a protected environment and should never be used in a ' +
      'browser. Delete this secret API key immediately.',
  ],
} as const

/** Creates Supabase's refusal of a key, which has no code. */
export function createKeyError(why: keyof typeof KEY_REFUSALS): ApiError {
  const [message, hint] = KEY_REFUSALS[why]
  return new ApiError(401, undefined, message, { hint })
}

/** The message of pg if no connection becomes free in time. */
const POOL_TIMEOUT = 'timeout exceeded when trying to connect'

/** Creates the error for a PostgreSQL that cannot be reached or has no free connection in time. */
export function createConnectionError(error: Error): ApiError {
  if (error.message.includes(POOL_TIMEOUT)) {
    const message = 'Timed out acquiring connection from connection pool.'
    return new ApiError(504, 'PGRST003', message)
  }
  const message = 'Database connection error. Retrying the connection.'
  return new ApiError(503, 'PGRST000', message, { details: error.message })
}

/** Creates the error for a failed statement: PostgreSQL's own, or that of a lost connection. */
export function createDatabaseError(error: Error): ApiError {
  if (!(error instanceof DatabaseError) || !error.code) {
    const message = 'Database client error. Retrying the connection.'
    return new ApiError(503, 'PGRST001', message, { details: error.message })
  }
  const { code, message, detail: details, hint } = error
  const [, status = 400] = STATUSES.find(([pattern]) => pattern.test(code)) ?? []
  return new ApiError(status, code, message, { details, hint })
}

/** The first that matches a SQLSTATE applies; anything else is the caller's fault, 400. */
const STATUSES: [RegExp, number][] = [
  [/^42501/, 403],
  [/^(42883|42P01)/, 404],
  [/^25006/, 405],
  [/^(23503|23505)/, 409],
  [/^(08|53|57P01)/, 503],
  [/^(25|40|54|55|57|58|XX)/, 500],
]
