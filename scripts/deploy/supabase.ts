/**
 * What a Supabase project is known by, its URL and its secret key: whether they look right, and
 * what the project says to them. The Worker judges its settings by the same looks (src/config.ts);
 * here each fault also says what was pasted instead, and where the right thing is.
 */
import { isLoopback } from '../../src/loopback.ts'
import {
  callFunction,
  interpret,
  type Project,
  requestProject,
  sayPaused,
} from '../lib/supabase-api.ts'
import { UserError } from '../lib/user-error.ts'

/** A user who has no rows, for asking whether there is a relay at all. */
const NO_USER = '00000000-0000-0000-0000-000000000000'

/** The `ref` in https://REF.supabase.co; undefined for a project at another address. */
export function projectRef(url: string): string | undefined {
  return /^https:\/\/([a-z0-9]+)\.supabase\.co\/?$/.exec(url)?.[1]
}

/** Where the project's SQL editor is. */
export function sqlEditor(url: string): string {
  return `https://supabase.com/dashboard/project/${projectRef(url) ?? '_'}/sql/new`
}

/** What is wrong with an answer to the question for the project URL. */
export function faultOfProjectUrl(answer: string): string | undefined {
  if (/^postgres(ql)?:/.test(answer)) {
    return 'This is a connection string of the database. The project URL is like https://abcdefgh.supabase.co.'
  }
  if (looksLikeKey(answer)) return 'This is a key, and not the project URL.'
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
    return 'It must start with https://, like https://abcdefgh.supabase.co.'
  }
  if (url.pathname !== '/' || url.search || url.hash || url.username) {
    return `It ends after the name: ${url.origin}.`
  }
  return undefined
}

/** What is wrong with an answer to the question for the project's secret key. */
export function faultOfServiceKey(key: string, projectUrl: string): string | undefined {
  const claims = claimsOf(key)
  if (key.startsWith('sb_publishable_') || claims?.role === 'anon') {
    return 'This is the publishable (anon) key. The relay needs the secret key, sb_secret_…, or the legacy service_role key.'
  }
  if (key.startsWith('sbp_')) {
    return 'This is an access token of your account. The relay needs the secret key of the project, sb_secret_…'
  }
  if (key.startsWith('sb_secret_')) {
    return /^sb_secret_[\w-]+$/.test(key)
      ? undefined
      : 'This key is not whole: reveal it in the dashboard before you copy it.'
  }
  if (claims?.role !== 'service_role') {
    return 'It must be a key that starts with sb_secret_, or the legacy service_role key.'
  }
  const ref = projectRef(projectUrl)
  if (ref && claims.ref && claims.ref !== ref) {
    return `This is the key of another project, ${claims.ref}.`
  }
  return undefined
}

function looksLikeKey(text: string): boolean {
  return /^sbp?_/.test(text) || claimsOf(text) !== undefined
}

/** What a legacy key, a JWT, says; it is read and not verified, which is Supabase's to do. */
function claimsOf(key: string): { role?: unknown; ref?: unknown } | undefined {
  const [, payload, signature] = key.split('.')
  if (!payload || !signature) return undefined
  try {
    return JSON.parse(Buffer.from(payload, 'base64url').toString())
  } catch {
    return undefined
  }
}

/** What the relay's own check, the function relay_status, finds. */
export type Finding =
  | { is: 'ready'; schemaVersion: number; threads: number; messages: number }
  /** The project answers to the key, and has no relay in it, or one without rights. */
  | { is: 'unmigrated'; sentence: string }
  | { is: 'fault'; sentence: string }

/** Asks the project for its relay; `userId` decides whose threads are counted. */
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

// biome-ignore lint/suspicious/noExplicitAny: whatever JSON or text came.
type ErrorBody = any

/** What an answer means that is not the status. */
export function findingOf(status: number, body: ErrorBody, url: string): Finding {
  switch (interpret(body?.code, status)) {
    case 'migration_missing':
      return { is: 'unmigrated', sentence: 'The project has no relay in it yet.' }
    case 'permission_denied':
      return {
        is: 'unmigrated',
        sentence: 'The project has tables that its secret key has no rights on.',
      }
    case 'service_key_refused':
      return {
        is: 'fault',
        sentence: `The project at ${url} refuses this key: it belongs to another one, or was revoked.`,
      }
    case 'project_paused':
      return { is: 'fault', sentence: sayPaused(url) }
    default: {
      const said = body?.message ?? (typeof body === 'string' ? 'a page' : 'nothing known')
      const sentence = `${url} does not answer as a Supabase project does (status ${status}: ${said}).`
      return { is: 'fault', sentence }
    }
  }
}

/** Whose threads the project holds, at most `limit` of them. It must have the migrations. */
export async function readUserIds(project: Project, limit: number): Promise<string[]> {
  const users: string[] = []
  while (users.length < limit) {
    // Each request skips all rows of the user before: there may be more than the API returns at once.
    const after = users.length > 0 ? `&user_id=gt.${users.at(-1)}` : ''
    const path = `/rest/v1/relay_threads?select=user_id&order=user_id&limit=1${after}`
    const answer = await requestProject(project, path)
    if ('fault' in answer) throw new UserError(answer.fault)
    if (!Array.isArray(answer.body)) {
      const said = JSON.stringify(answer.body)
      throw new UserError(
        `The project does not say whose threads it holds (${answer.status}: ${said}).`,
      )
    }
    const [row] = answer.body
    if (!row) break
    users.push(row.user_id)
  }
  return users
}
