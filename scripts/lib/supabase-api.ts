/** Sends requests to a Supabase project with its secret key, and interprets its refusals. */
import { type FaultCode, faultOfCode } from '../../src/errors.ts'
import { parseJson } from './json.ts'

export interface Project {
  url: string
  key: string
}

// biome-ignore lint/suspicious/noExplicitAny: any JSON or text.
type Body = any

/** An answer from the project, or the reason why none came. */
export type ProjectAnswer = { status: number; body: Body } | { fault: string }

const TIME_LIMIT_MS = 15_000

/** Sends one request with the key. Never throws. */
export async function requestProject(
  { url, key }: Project,
  path: string,
  init: RequestInit = {},
): Promise<ProjectAnswer> {
  try {
    const response = await fetch(url + path, {
      ...init,
      // A redirect could carry the key to another host.
      redirect: 'manual',
      headers: { apikey: key, authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      signal: AbortSignal.timeout(TIME_LIMIT_MS),
    })
    return { status: response.status, body: parseJson(await response.text()) }
  } catch (error) {
    const { cause, message } = error as Error & { cause?: NodeJS.ErrnoException }
    if (cause?.code === 'ENOTFOUND') return { fault: describePaused(url) }
    return { fault: `${url} cannot be reached: ${cause?.message ?? message}.` }
  }
}

/** Calls `public.<fn>`, as the Worker does. */
export function callFunction(project: Project, fn: string, args: object): Promise<ProjectAnswer> {
  return requestProject(project, `/rest/v1/rpc/${fn}`, {
    method: 'POST',
    body: JSON.stringify(args),
  })
}

/** The meaning of an error of PostgreSQL, PostgREST or Supabase. */
export type Meaning = FaultCode | 'import_refused' | 'paused' | 'other'

/** Takes the code of an error body, the HTTP status, and the message in case Supabase gives no code. */
export function interpret(code = '', status = 0, message = ''): Meaning {
  if (code === 'RL008') return 'import_refused'
  const fault = faultOfCode(code)
  if (fault) return fault
  if (status === 401 || status === 403 || /api key|jwt/i.test(message)) return 'service_key_refused'
  if (status === 540 || status === 521 || status === 530) return 'paused'
  return 'other'
}

/** Explains why nothing answers at the URL of a project. */
export function describePaused(url: string): string {
  return (
    `Nothing answers at ${url}. If the name is right, either the project is paused and can be restored ` +
    'at https://supabase.com/dashboard, or this machine is offline.'
  )
}
