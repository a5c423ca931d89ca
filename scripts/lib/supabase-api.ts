/** Requests to a Supabase project with its secret key, and what its refusals mean: each said once. */
import { type FaultCode, faultOfCode } from '../../src/errors.ts'

export interface Project {
  url: string
  key: string
}

// biome-ignore lint/suspicious/noExplicitAny: whatever JSON or text came.
type Body = any

/** An answer of the project, or why there is none. */
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
      // A redirect would carry the key to wherever it leads.
      redirect: 'manual',
      headers: { apikey: key, authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      signal: AbortSignal.timeout(TIME_LIMIT_MS),
    })
    return { status: response.status, body: parse(await response.text()) }
  } catch (error) {
    const { cause, message } = error as Error & { cause?: NodeJS.ErrnoException }
    if (cause?.code === 'ENOTFOUND') return { fault: sayPaused(url) }
    return { fault: `${url} can't be reached: ${cause?.message ?? message}.` }
  }
}

/** Calls `public.<fn>`, as the Worker does. */
export function callFunction(project: Project, fn: string, args: object): Promise<ProjectAnswer> {
  return requestProject(project, `/rest/v1/rpc/${fn}`, {
    method: 'POST',
    body: JSON.stringify(args),
  })
}

/** What an error of PostgreSQL, PostgREST or Supabase comes down to, for a command. */
export type Meaning = FaultCode | 'import_refused' | 'project_paused' | 'other'

/** Takes the code of an error body, the status, and the message where Supabase gives no code. */
export function interpret(code = '', status = 0, message = ''): Meaning {
  if (code === 'RL008') return 'import_refused'
  const fault = faultOfCode(code)
  if (fault) return fault
  if (status === 401 || status === 403 || /api key|jwt/i.test(message)) return 'service_key_refused'
  if (status === 540 || status === 521 || status === 530) return 'project_paused'
  return 'other'
}

/** A project that does not answer is paused, or its name is wrong. */
export function sayPaused(url: string): string {
  return (
    `Nothing answers at ${url}. If the name is right, the project is paused and can be restored at ` +
    'https://supabase.com/dashboard; or this machine is offline.'
  )
}

function parse(text: string): Body {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
