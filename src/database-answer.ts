/** The answers of the data API: which of them are data, which a refusal, and which a fault. Leaf but for errors.ts. */
import * as z from 'zod/mini'
import {
  type DatabaseError,
  type FaultCode,
  faultMessage,
  faultOfCode,
  RelayError,
} from './errors.ts'
import { refusalOf } from './refusals.ts'

/** An answer of supabase-js. Its types promise more than it keeps: `error` can be any JSON. */
export interface Answer {
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
export function isWithoutEffect(answer: Answer): boolean {
  const body = errorBody(answer)
  return body ? !LOST_CODES.test(body.code) : REFUSING_STATUSES.has(answer.status)
}

export function isCollision(answer: Answer): boolean {
  return COLLISION_CODES.test(errorBody(answer)?.code ?? '')
}

export function isConnectionFailure(answer: Answer): boolean {
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

/** The data of an answer. Throws RelayError: a refusal of the function, or a fault; and RevokedError. */
export function readAnswer(
  answer: Answer,
  isInDoubt: boolean,
  ifUnknown: string | undefined,
): object {
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
