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
  if (/^postgres(ql)?:/.test(answer)) {
    return 'This is a connection string of the database. The project URL looks like https://abcdefgh.supabase.co.'
  }
  if (looksLikeKey(answer)) return 'This is a key, not the project URL.'
  const url = URL.parse(answer)
  const [, dashboardRef] = /^\/dashboard\/project\/([a-z0-9]+)/.exec(url?.pathname ?? '') ?? []
  if (url?.hostname === 'supabase.com' && dashboardRef) {
    return `This is the address of the dashboard. The project URL is https://${dashboardRef}.supabase.co.`
  }
  const [, databaseRef] = /^(?:\w+:\/\/)?db\.([a-z0-9]+)\.supabase\.co/.exec(answer) ?? []
  if (databaseRef) {
    return `This is the address of the database. The project URL is https://${databaseRef}.supabase.co.`
  }
  if (url?.protocol !== 'https:' && !(url?.protocol === 'http:' && isLoopback(url.hostname))) {
    return 'It must start with https://, for example https://abcdefgh.supabase.co.'
  }
  return isOriginUrl(answer) ? undefined : `Remove everything after the host: ${url.origin}.`
}

/** Returns the fault of the secret key that a person entered; undefined if it is valid. */
export function faultOfServiceKey(key: string, projectUrl: string): string | undefined {
  if (isPublishableKey(key)) {
    return 'This is the publishable (anon) key. The relay needs the secret key, sb_secret_…, or the legacy service_role key.'
  }
  if (key.startsWith('sbp_')) {
    return 'This is an access token of your account. The relay needs the secret key of the project, sb_secret_….'
  }
  if (key.startsWith('sb_secret_')) {
    return /^sb_secret_[\w-]+$/.test(key)
      ? undefined
      : 'This key is incomplete: reveal it in the dashboard before you copy it.'
  }
  if (!isServiceKey(key)) {
    return 'It must be a key that starts with sb_secret_, or the legacy service_role key.'
  }
  const ref = projectRef(projectUrl)
  const own = readClaims(key)?.ref
  if (ref && own && own !== ref) return `This is the key of another project, ${own}.`
  return undefined
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
  | { is: 'ready'; schemaVersion: number; threads: number; messages: number }
  /** The project accepts the key, but has no relay in it, or one without grants. */
  | { is: 'unmigrated'; sentence: string }
  | { is: 'fault'; sentence: string }

/** Asks the project for the status of its relay, counting the threads of `userId`. */
export async function askStatus(project: Project, userId = NO_USER): Promise<Finding> {
  const answer = await callFunction(project, 'relay_status', { p_user_id: userId })
  if ('fault' in answer) return { is: 'fault', sentence: answer.fault }
  const { status, body } = answer
  if (status === 200 && typeof body?.schema_version === 'number') {
    const { schema_version: schemaVersion, thread_count: threads, message_count: messages } = body
    return { is: 'ready', schemaVersion, threads, messages }
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

/** Lists up to `limit` users who have threads in the project, which must have the migrations. */
export async function readUserIds(project: Project, limit: number): Promise<string[]> {
  const users: string[] = []
  while (users.length < limit) {
    // Each request skips all rows of the previous user, who may have more than the API returns at once.
    const after = users.length > 0 ? `&user_id=gt.${users.at(-1)}` : ''
    const path = `/rest/v1/relay_threads?select=user_id&order=user_id&limit=1${after}`
    const answer = await requestProject(project, path)
    if ('fault' in answer) throw new UserError(answer.fault)
    if (!Array.isArray(answer.body)) {
      const said = JSON.stringify(answer.body)
      throw new UserError(
        `The project did not list the users of its threads (${answer.status}: ${said}).`,
      )
    }
    const [row] = answer.body
    if (!row) break
    users.push(row.user_id)
  }
  return users
}
