/**
 * Checks the URL and the secret key of a Supabase project: their shape, and whether the project
 * accepts them. The Worker checks the same shapes (src/settings-table.ts); here each message also names
 * the kind of the pasted value, and where to find the right value.
 */
import { decodeJwt } from 'jose'
import { isPublishableKey, isServiceKey } from '../../src/key-rules.ts'
import { isLoopback } from '../../src/loopback.ts'
import { isOriginUrl } from '../../src/settings-table.ts'
import {
  callFunction,
  describePaused,
  interpret,
  type Project,
  requestProject,
} from '../lib/supabase-api.ts'
import { UserError } from '../lib/user-error.ts'

/** A user without rows, for asking whether the project has a relay at all. */
const NO_USER = '00000000-0000-0000-0000-000000000000'

/** The `ref` in https://REF.supabase.co; undefined for a project at another address. */
export function projectRef(url: string): string | undefined {
  return /^https:\/\/([a-z0-9]+)\.supabase\.co\/?$/.exec(url)?.[1]
}

/** The address of the project's SQL editor. */
export function sqlEditor(url: string): string {
  return `https://supabase.com/dashboard/project/${projectRef(url) ?? '_'}/sql/new`
}

/** Returns the fault of the project URL that a person entered; undefined if it is valid. */
export function faultOfProjectUrl(answer: string): string | undefined {
  if (looksLikeKey(answer)) return 'This is a key, not the project URL.'
  const url = URL.parse(answer)
  if (url?.protocol !== 'https:' && !(url?.protocol === 'http:' && isLoopback(url.hostname))) {
    return 'It must start with https://, for example https://abcdefgh.supabase.co.'
  }
  if (/(^|\.)supabase\.com$|^db\./.test(url.hostname)) {
    return 'This is another address of the project. Its URL looks like https://abcdefgh.supabase.co.'
  }
  return isOriginUrl(answer) ? undefined : `Remove everything after the host: ${url.origin}.`
}

/** Returns the fault of the secret key that a person entered; undefined if it is valid. */
export function faultOfServiceKey(key: string, projectUrl: string): string | undefined {
  if (isPublishableKey(key)) {
    return 'This is the publishable (anon) key. The relay needs the secret key, sb_secret_…, or the legacy service_role key.'
  }
  if (key.startsWith('sb_secret_') ? !/^sb_secret_[\w-]+$/.test(key) : !isServiceKey(key)) {
    return 'It must be the whole secret key, or the legacy service_role key.'
  }
  const ref = projectRef(projectUrl)
  const own = readClaims(key)?.ref
  return ref && own && own !== ref ? `This is the key of another project, ${own}.` : undefined
}

function looksLikeKey(text: string): boolean {
  return /^sbp?_/.test(text) || readClaims(text) !== undefined
}

/** Decodes a legacy key, which is a JWT. Only Supabase can verify it. */
function readClaims(key: string): Record<string, unknown> | undefined {
  try {
    return decodeJwt(key)
  } catch {
    return undefined
  }
}

/** The answer of relay_status, the relay's own status function. */
export type Finding =
  | { is: 'ready'; schemaVersion: number; threads: number; others: number }
  /** The project accepts the key, but has no relay in it, or one without grants. */
  | { is: 'unmigrated'; sentence: string }
  | { is: 'fault'; sentence: string }

/** Asks the project for the status of its relay, counting the threads of `userId`. */
export async function askStatus(project: Project, userId = NO_USER): Promise<Finding> {
  const answer = await callFunction(project, 'relay_status', { p_user_id: userId })
  if ('fault' in answer) return { is: 'fault', sentence: answer.fault }
  const { status, body } = answer
  if (status === 200 && typeof body?.schema_version === 'number') {
    const { schema_version: schemaVersion, thread_count, other_thread_count: others } = body
    return { is: 'ready', schemaVersion, threads: thread_count, others }
  }
  return findingOf(status, body, project.url)
}

// biome-ignore lint/suspicious/noExplicitAny: any JSON or text.
type ErrorBody = any

/** Interprets an answer other than the status. */
export function findingOf(status: number, body: ErrorBody, url: string): Finding {
  switch (interpret(body?.code, status)) {
    case 'migration_missing':
      return { is: 'unmigrated', sentence: 'The project does not contain a relay yet.' }
    case 'permission_denied':
      return {
        is: 'unmigrated',
        sentence: 'The project has relay tables, but its secret key has no rights on them.',
      }
    case 'service_key_refused':
      return {
        is: 'fault',
        sentence: `The project at ${url} refuses this key: it belongs to another project, or was revoked.`,
      }
    case 'paused':
      return { is: 'fault', sentence: describePaused(url) }
    default: {
      const said = body?.message ?? (typeof body === 'string' ? 'an HTML page' : 'no message')
      const sentence = `${url} does not answer like a Supabase project (status ${status}: ${said}).`
      return { is: 'fault', sentence }
    }
  }
}

/** Finds a user who has threads in the project, which must have the migrations. */
export async function findUserId(project: Project): Promise<string | undefined> {
  const path = '/rest/v1/relay_threads?select=user_id&order=user_id&limit=1'
  const answer = await requestProject(project, path)
  if ('fault' in answer) throw new UserError(answer.fault)
  if (Array.isArray(answer.body)) return answer.body[0]?.user_id
  const said = JSON.stringify(answer.body)
  throw new UserError(
    `The project did not tell the user of its threads (${answer.status}: ${said}).`,
  )
}
