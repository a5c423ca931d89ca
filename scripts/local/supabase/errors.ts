/**
 * The errors of Supabase's API: the bodies of its key check, and PostgREST's body and status for each
 * SQLSTATE (PostgREST 14, references/errors). Callers decide by `code`, so the codes must be identical.
 */
import { DatabaseError } from 'pg'

interface Extra {
  details?: string | null
  hint?: string | null
  reason?: string
}

export class ApiError extends Error {
  readonly status: number
  readonly code: string | undefined
  readonly body: Record<string, unknown>
  readonly reason: string | undefined

  constructor(status: number, code: string | undefined, message: string, extra: Extra = {}) {
    super(message)
    this.status = status
    this.code = code
    this.reason = extra.reason
    const { details = null, hint = null } = extra
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
export function createDatabaseError(error: Error, authenticated: boolean): ApiError {
  if (!(error instanceof DatabaseError) || !error.code) {
    const message = 'Database client error. Retrying the connection.'
    return new ApiError(503, 'PGRST001', message, { details: error.message })
  }
  const { code, message, detail: details, hint } = error
  const custom = /^PT(\d{3})$/.exec(code)
  if (custom) {
    const reason = message.replace(/[^\x20-\x7e]/g, '?')
    return new ApiError(Number(custom[1]), code, message, { details, hint, reason })
  }
  return new ApiError(statusOf(code, authenticated), code, message, { details, hint })
}

/** The most specific entry for a SQLSTATE applies; anything else is the caller's fault, 400. */
const STATUSES: Record<string, number> = {
  '08': 503,
  '09': 500,
  '0L': 403,
  '0P': 403,
  '21000': 500,
  '23503': 409,
  '23505': 409,
  '25': 500,
  '25006': 405,
  '28': 403,
  '2D': 500,
  '38': 500,
  '39': 500,
  '3B': 500,
  '40': 500,
  '42501': 403,
  '42883': 404,
  '42P01': 404,
  '42P17': 500,
  '53': 503,
  '53400': 500,
  '54': 500,
  '55': 500,
  '57': 500,
  '57P01': 503,
  '58': 500,
  F0: 500,
  HV: 500,
  P0: 500,
  P0001: 400,
  XX: 500,
}

function statusOf(code: string, authenticated: boolean): number {
  if (code === '42501' && !authenticated) return 401
  return STATUSES[code] ?? STATUSES[code.slice(0, 2)] ?? 400
}
