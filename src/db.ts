/**
 * The database: one method, which calls one SQL function in one request. A failure becomes a
 * RelayError here; the tools never see an SQLSTATE.
 */
// The part of supabase-js for the data API. The whole of it would bring four clients that nothing here calls.
import { PostgrestClient } from '@supabase/postgrest-js'
import {
  type Answer,
  isCollision,
  isConnectionFailure,
  isWithoutEffect,
  readAnswer,
} from './database-answer.ts'
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
  readonly #onDue: () => void
  /** How many requests it has made. */
  requestCount = 0

  constructor(
    client: PostgrestClient,
    userId: string,
    log: RequestLog,
    caller: DatabaseCaller | undefined = undefined,
    onDue = () => {},
  ) {
    this.#client = client
    this.#userId = userId
    this.#log = log
    this.#caller = caller
    this.#onDue = onDue
  }

  /**
   * The same for a caller: each call carries it, and is refused once its connection was cut off. `onDue` is
   * called after a call that found something to send in the outbox.
   */
  for(caller: DatabaseCaller, onDue?: () => void): Database {
    return new Database(this.#client, this.#userId, this.#log, caller, onDue)
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
      const data = readAnswer(answer, isInDoubt, options.ifUnknown) as T & { due?: true }
      if (data.due) this.#onDue()
      delete data.due
      return data
    } finally {
      this.#log.addDatabaseTime(Date.now() - startedAt)
    }
  }

  async #request(
    name: string,
    args: Record<string, unknown>,
    signal: AbortSignal,
  ): Promise<Answer> {
    this.requestCount += 1
    const { data, error, status } = await this.#client.rpc(name, args).abortSignal(signal)
    return { data, error, status, timedOut: signal.aborted }
  }
}
