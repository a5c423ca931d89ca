/**
 * The database: one method, which calls one SQL function in one request. The only importer of
 * supabase-js. What went wrong becomes a RelayError here; the tools never see an SQLSTATE.
 */
import { createClient, type SupabaseClient } from '@supabase/supabase-js'
import * as z from 'zod/mini'
import { type DatabaseError, errorOfCode, RelayError } from './errors.ts'
import type { RequestLog } from './log.ts'

/** Milliseconds for one call, a retry included. service_role's own statement timeout is 8 s too. */
const TIME_LIMIT = 8_000

/** How a call may be repeated, and what is said when nobody knows whether it took place. */
export interface CallOptions {
  /** Repeat it once after a connection failure. Only for what has the same effect twice as once. */
  retry?: boolean
  /** Added to the message when the outcome is unknown: what may have happened, and how to find out. */
  ifUnknown?: string
}

/** A client to be shared by all requests of an isolate: it holds no connection and no session. */
export function connect(supabaseUrl: string, serviceKey: string): SupabaseClient {
  return createClient(supabaseUrl, serviceKey, {
    auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
    // A redirect would carry the service key to wherever it leads.
    global: { fetch: (input, init) => fetch(input, { ...init, redirect: 'manual' }) },
  })
}

/** The database as one request sees it. */
export class Database {
  readonly #client: SupabaseClient
  readonly #log: RequestLog

  constructor(client: SupabaseClient, log: RequestLog) {
    this.#client = client
    this.#log = log
  }

  /**
   * Calls `public.<name>` with named arguments (undefined ones are left to their defaults) and parses
   * what it returns. Throws RelayError: a refusal of the function, or a fault.
   */
  async call<T>(
    name: string,
    args: Record<string, unknown>,
    schema: z.ZodMiniType<T>,
    options: CallOptions = {},
  ): Promise<T> {
    const startedAt = Date.now()
    const signal = AbortSignal.timeout(TIME_LIMIT)
    try {
      let answer = await this.#request(name, args, signal)
      if (options.retry && isConnectionFailure(answer) && !signal.aborted) {
        answer = await this.#request(name, args, signal)
      }
      return readAnswer(answer, schema, options.ifUnknown)
    } finally {
      this.#log.addDatabaseTime(Date.now() - startedAt)
    }
  }

  async #request(
    name: string,
    args: Record<string, unknown>,
    signal: AbortSignal,
  ): Promise<Answer> {
    const { data, error, status } = await this.#client.rpc(name, args).abortSignal(signal)
    return { data, error, status, timedOut: signal.aborted }
  }
}

/** What supabase-js resolves with. Its types promise more than it keeps: `error` can be any JSON. */
interface Answer {
  data: unknown
  error: unknown
  /** 0 when no answer came. */
  status: number
  timedOut: boolean
}

const ErrorBody = z.object({
  code: z.string(),
  message: z.string(),
  details: z.nullish(z.string()),
  hint: z.nullish(z.string()),
})

/** Codes by which PostgREST, or Postgres through it, says that no connection was to be had. */
const CONNECTION_CODES = /^(PGRST00[0-3]|08...|57P0[1-3])$/

/** Statuses of a proxy that did not reach PostgREST; 52x, 530 are Cloudflare's, 540 a paused project. */
const CONNECTION_STATUSES = new Set([0, 502, 503, 504, 520, 521, 522, 523, 524, 530, 540])

function isConnectionFailure(answer: Answer): boolean {
  if (!answer.error) return false
  const body = errorBody(answer)
  if (body) return CONNECTION_CODES.test(body.code)
  return CONNECTION_STATUSES.has(answer.status)
}

/** The API's error body, if that is what came: a proxy's page and a failed fetch have no code. */
function errorBody(answer: Answer): DatabaseError | undefined {
  const parsed = ErrorBody.safeParse(answer.error)
  return parsed.success && parsed.data.code !== '' && answer.status !== 0 ? parsed.data : undefined
}

function readAnswer<T>(answer: Answer, schema: z.ZodMiniType<T>, ifUnknown: string | undefined): T {
  const body = errorBody(answer)
  const unknown = (code: string, message: string, reason: string) =>
    new RelayError(code, ifUnknown ? `${message} ${ifUnknown}` : message, {
      outcome: 'failed',
      reason,
      apiCode: body?.code ?? `${answer.status}`,
    })

  if (!answer.error) {
    // An empty 404 is a success to supabase-js, so nothing but the result itself is believed.
    const result = schema.safeParse(answer.data)
    if (result.success) return result.data
    const where = result.error.issues.map((issue) => issue.path.join('.') || 'all of it').join(', ')
    throw unknown(
      'database_answer_unexpected',
      'The database gave an answer that the relay does not understand: SUPABASE_URL may not be that of a Supabase project, or its migrations are of another version.',
      `status ${answer.status}, unexpected: ${where}`,
    )
  }

  const known = body && errorOfCode(body)
  if (known) throw known
  if (answer.timedOut) {
    throw unknown(
      'database_timeout',
      `The database did not answer within ${TIME_LIMIT / 1000} seconds.`,
      describe(answer),
    )
  }
  if (isConnectionFailure(answer)) {
    throw unknown(
      'database_unreachable',
      'The database cannot be reached. A paused Supabase project is restored at https://supabase.com/dashboard; npm start tells in its terminal what has become of its own database.',
      describe(answer),
    )
  }
  if (answer.status === 401 || answer.status === 403) {
    throw new RelayError(
      'service_key_refused',
      'Supabase refuses the key of the relay: SUPABASE_SERVICE_KEY is wrong or was revoked.',
      { outcome: 'failed', reason: describe(answer), apiCode: `${answer.status}` },
    )
  }
  throw unknown(
    'database_error',
    "The database reported an error. Try again; if it stays, the relay's log has the reason.",
    describe(answer),
  )
}

/** For the log: status and what was said, which for an HTML page is only that it was one. */
function describe({ status, error }: Answer): string {
  const { code = '', message = error } = (error ?? {}) as { code?: unknown; message?: unknown }
  return `status ${status} ${code} ${message}`.replaceAll(/\s+/g, ' ')
}
