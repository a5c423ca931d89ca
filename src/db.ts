/**
 * The database: one method, which calls one SQL function in one request. A failure becomes a
 * RelayError here; the tools never see an SQLSTATE.
 */
// The part of supabase-js for the data API. The whole of it would bring four clients that nothing here calls.
import { PostgrestClient } from '@supabase/postgrest-js'
import * as z from 'zod/mini'
import {
  type DatabaseError,
  type FaultCode,
  faultMessage,
  faultOfCode,
  RelayError,
  refusalOf,
} from './errors.ts'
import type { RequestLog } from './log.ts'

/** Milliseconds for one call, the retry after a connection failure included. service_role has a statement timeout of 8 s too. */
const TIME_LIMIT = 8_000

/** How a call may be repeated, and what is said when it is not known whether it took place. */
export interface CallOptions {
  /** Repeat it once after a connection failure. Only for what has the same effect twice as once. */
  retry?: boolean
  /** Added to the message when the outcome is unknown: what may have happened, and how to find out. */
  ifUnknown?: string
}

/**
 * A client to be shared by all requests of an isolate: it holds no connection and no session. Requests
 * are sent with `via`, by default the global fetch.
 */
export function connect(
  supabaseUrl: string,
  serviceKey: string,
  via: Pick<Fetcher, 'fetch'> = globalThis,
): PostgrestClient {
  return new PostgrestClient(`${supabaseUrl}/rest/v1`, {
    headers: { apikey: serviceKey, authorization: `Bearer ${serviceKey}` },
    // A redirect would carry the service key to wherever it leads.
    fetch: (input, init) => via.fetch(input as RequestInfo, { ...init, redirect: 'manual' }),
  })
}

/** For whom a call is made, as the SQL functions know a caller. */
export interface DatabaseCaller {
  /** The grant: its id, `client:` and the hash of a client's id, or `key` for the relay's own key. */
  gid: string
  kind: 'oauth' | 'key'
  /** The name of the client, undefined for the relay's own key. */
  client: string | undefined
  scope: string
}

/** The database as one request sees it. */
export class Database {
  readonly #client: PostgrestClient
  readonly #userId: string
  readonly #log: RequestLog
  readonly #caller: DatabaseCaller | undefined

  constructor(
    client: PostgrestClient,
    userId: string,
    log: RequestLog,
    caller: DatabaseCaller | undefined = undefined,
  ) {
    this.#client = client
    this.#userId = userId
    this.#log = log
    this.#caller = caller
  }

  /** The same for a caller: each call carries it, and is refused once its connection was cut off. */
  for(caller: DatabaseCaller): Database {
    return new Database(this.#client, this.#userId, this.#log, caller)
  }

  /**
   * Calls `public.<name>` for the owner of the relay: arguments get their `p_` here, and undefined ones
   * are left to their defaults. What our own function returns is not checked further: it is an object or
   * an array, and the null fields of an object are left out. Throws RelayError: a refusal of the function,
   * or a fault; and RevokedError.
   */
  async call<T extends object>(
    name: string,
    given: Record<string, unknown>,
    options: CallOptions = {},
  ): Promise<T> {
    const named = Object.entries(given).map(([argument, value]) => [`p_${argument}`, value])
    const caller = this.#caller && { p_caller: this.#caller }
    const args = { p_user_id: this.#userId, ...caller, ...Object.fromEntries(named) }
    const startedAt = Date.now()
    const signal = AbortSignal.timeout(TIME_LIMIT)
    try {
      let answer = await this.#request(name, args, signal)
      let isInDoubt = false
      if (isCollision(answer)) {
        // In its own time: waiting for a lock may have taken half of the first.
        answer = await this.#request(name, args, AbortSignal.timeout(TIME_LIMIT))
      } else if (options.retry && isConnectionFailure(answer) && !signal.aborted) {
        // However the second attempt ends, the first may have written.
        isInDoubt = !isWithoutEffect(answer)
        answer = await this.#request(name, args, signal)
      }
      return readAnswer(answer, isInDoubt, options.ifUnknown) as T
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

/** An answer of supabase-js. Its types promise more than it keeps: `error` can be any JSON. */
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

/** A call that was rolled back because others were in its way: it works when it is made again. */
const COLLISION_CODES = /^(40P01|40001|55P03)$/

/**
 * Codes after which a call may have taken place: the connection was lost while it ran. All other
 * codes of PostgreSQL and PostgREST come with a rollback, or from before the call.
 */
const LOST_CODES = /^(08(?!001|004)...|57P0[12]|PGRST001)$/

/** Statuses without a code of the database, and what they mean. Cloudflare's 52x and 530, Supabase's 54x. */
const FAULT_STATUSES: Readonly<Record<number, FaultCode>> = {
  402: 'project_restricted',
  429: 'api_rate_limited',
  544: 'api_timeout',
  0: 'database_unreachable',
  502: 'database_unreachable',
  503: 'database_unreachable',
  504: 'database_unreachable',
  520: 'database_unreachable',
  521: 'database_unreachable',
  522: 'database_unreachable',
  523: 'database_unreachable',
  524: 'database_unreachable',
  530: 'database_unreachable',
  540: 'database_unreachable',
}

/** Statuses of a gateway that did not reach the database, or did not try: nothing can have happened. */
const REFUSING_STATUSES = new Set([401, 402, 403, 429, 521, 522, 523, 530, 540])

/** Whether nothing was written, for certain. */
function isWithoutEffect(answer: Answer): boolean {
  const body = errorBody(answer)
  return body ? !LOST_CODES.test(body.code) : REFUSING_STATUSES.has(answer.status)
}

function isCollision(answer: Answer): boolean {
  return COLLISION_CODES.test(errorBody(answer)?.code ?? '')
}

function isConnectionFailure(answer: Answer): boolean {
  const fault = answer.error ? faultOf(answer) : undefined
  return fault === 'database_unreachable' || fault === 'api_starting'
}

/** The API's error body, if that is what came: a proxy's page and a failed fetch have no code. */
function errorBody(answer: Answer): DatabaseError | undefined {
  if (!answer.error) return undefined
  const parsed = ErrorBody.safeParse(answer.error)
  return parsed.success && parsed.data.code !== '' && answer.status !== 0 ? parsed.data : undefined
}

/** The fault that an error of the API stands for. */
function faultOf(answer: Answer): FaultCode {
  const body = errorBody(answer)
  const fault = body && faultOfCode(body.code)
  if (fault) return fault
  if (answer.timedOut) return 'database_timeout'
  const { status } = answer
  if (status === 401 || status === 403)
    return isPage(answer) ? 'api_blocked' : 'service_key_refused'
  return (!body && FAULT_STATUSES[status]) || 'database_error'
}

/** Whether a page came: Supabase answers in JSON, so a firewall on the way did. */
function isPage({ error }: Answer): boolean {
  const { message } = (error ?? {}) as { message?: unknown }
  return typeof message === 'string' && /^\s*</.test(message)
}

function readAnswer(answer: Answer, isInDoubt: boolean, ifUnknown: string | undefined): object {
  const fail = (code: FaultCode, reason: string) => {
    const outcome = isInDoubt || !isWithoutEffect(answer) ? ifUnknown : 'Nothing was changed.'
    return new RelayError(code, [faultMessage(code), outcome].filter(Boolean).join(' '), {
      reason,
      apiCode: errorBody(answer)?.code ?? `${answer.status}`,
    })
  }

  if (!answer.error) {
    const { data } = answer
    if (Array.isArray(data)) return data
    // An empty 404 is a success to supabase-js, and a proxy's page is a text.
    if (typeof data === 'object' && data !== null) return withoutNulls(data)
    throw fail('database_answer_unexpected', `status ${answer.status}, ${typeof data}`)
  }
  const body = errorBody(answer)
  throw (body && refusalOf(body)) ?? fail(faultOf(answer), describe(answer))
}

/** In an answer, null says that there is nothing to say. */
function withoutNulls(answer: object): object {
  return Object.fromEntries(Object.entries(answer).filter(([, value]) => value !== null))
}

/** For the log: status and what was said. A page may repeat the request, so only that it was one. */
function describe(answer: Answer): string {
  const { status, error } = answer
  const { code = '', message = error } = (error ?? {}) as { code?: unknown; message?: unknown }
  return `status ${status} ${code} ${isPage(answer) ? 'a page' : message}`.replaceAll(/\s+/g, ' ')
}
