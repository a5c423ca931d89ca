/**
 * The set-up's requests to a person's account at Supabase, over its management API: organizations,
 * projects, the secret key of a project and SQL. Each refusal becomes one sentence.
 * Endpoints: https://supabase.com/docs/reference/api.
 */
import * as z from 'zod'
import { parseJson } from '../lib/json.ts'
import { UserError } from '../lib/user-error.ts'

/** Where a person makes an access token. */
export const TOKENS = 'https://supabase.com/dashboard/account/tokens'

const API = 'https://api.supabase.com/v1'
/** Longer than the API's limit for a statement. */
const TIME_LIMIT_MS = 180_000

const Organization = z.object({ slug: z.string(), name: z.string() })

const HostedProject = z.object({
  ref: z.string(),
  name: z.string(),
  organization_slug: z.string(),
  region: z.string(),
  status: z.string(),
})

const Key = z.object({
  type: z.string().nullish(),
  name: z.string(),
  api_key: z.string().nullish(),
})

export type Organization = z.infer<typeof Organization>
export type HostedProject = z.infer<typeof HostedProject>

/**
 * Why Supabase did not do something: it refuses the token, it refuses the request, or it did not answer
 * as it should, so that the request may have been carried out.
 */
export class ManagementError extends UserError {
  readonly kind: 'token' | 'refused' | 'no answer'

  constructor(kind: ManagementError['kind'], message: string) {
    super(message)
    this.kind = kind
  }
}

/** A project to create. */
export interface NewProject {
  name: string
  /** The slug of its organization. */
  organization: string
  region: string
}

/** A person's account at Supabase. */
export type Management = ReturnType<typeof openManagement>

/** Opens the account that an access token (sbp_…) belongs to. Each function throws ManagementError. */
export function openManagement(token: string) {
  async function request<T>(what: string, path: string, schema: z.ZodType<T>, body?: object) {
    const answer = await send(token, path, body).catch((error) => {
      throw new ManagementError('no answer', explainNetwork(what, error))
    })
    if (answer.status >= 300) throw explain(what, answer.status, answer.said)
    const { data, success } = schema.safeParse(parseJson(answer.said))
    if (success) return data
    const sentence = `Supabase answered in a form that this version of the relay does not know when asked to ${what}.`
    throw new ManagementError('no answer', sentence)
  }

  const query = (ref: string, sql: string, isReadOnly: boolean) =>
    request(
      'run the SQL',
      `/projects/${ref}/database/query`,
      z.array(z.record(z.string(), z.unknown())),
      { query: sql, read_only: isReadOnly },
    )

  return {
    listOrganizations: () =>
      request('list your organizations', '/organizations', z.array(Organization)),

    listProjects: () => request('list your projects', '/projects', z.array(HostedProject)),

    /** Creates a project and returns its ref. */
    async createProject({ name, organization, region }: NewProject, password: string) {
      const wanted = { name, organization_slug: organization, region, db_pass: password }
      const Created = z.object({ ref: z.string() })
      return (await request('create the project', '/projects', Created, wanted)).ref
    },

    async readSecretKey(ref: string) {
      const path = `/projects/${ref}/api-keys?reveal=true`
      const keys = await request('read the secret key of the project', path, z.array(Key))
      const found = pickSecretKey(keys)
      if (found) return found
      throw new ManagementError(
        'refused',
        `The project has no secret key that this token may read: create one at https://supabase.com/dashboard/project/${ref}/settings/api-keys, or use the token of an owner.`,
      )
    },

    /** Runs one or more statements as the owner of the database, in one transaction. */
    runSql: (ref: string, sql: string) => query(ref, sql, false),
    /** Runs a statement that cannot change anything. */
    readSql: (ref: string, sql: string) => query(ref, sql, true),
  }
}

async function send(token: string, path: string, body: object | undefined) {
  const response = await fetch(API + path, {
    method: body ? 'POST' : 'GET',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: body ? JSON.stringify(body) : null,
    // A redirect could carry the token to another host.
    redirect: 'manual',
    signal: AbortSignal.timeout(TIME_LIMIT_MS),
  })
  return { status: response.status, said: await response.text() }
}

/** The secret key, or the legacy one with the same rights. */
export function pickSecretKey(keys: z.infer<typeof Key>[]): string | undefined {
  const named = (name: string) => (key: (typeof keys)[number]) => key.name === name
  const secret = keys.filter(({ type }) => type === 'secret')
  const legacy = keys.filter(({ type }) => type !== 'secret' && type !== 'publishable')
  const key = secret.find(named('default')) ?? secret[0] ?? legacy.find(named('service_role'))
  return key?.api_key ?? undefined
}

/** Returns the fault of an access token that a person entered; undefined if its shape is right. */
export function faultOfAccessToken(token: string): string | undefined {
  if (/^sbp_[\w-]{20,}$/.test(token)) return undefined
  if (/^sb_(secret|publishable)_/.test(token)) {
    return 'This is a key of a project. The set-up needs an access token of your account, sbp_….'
  }
  return `It must be a whole access token, sbp_…: create one at ${TOKENS}.`
}

/** Turns a refusal of the API into a sentence with the cause and the fix. */
export function explain(what: string, status: number, said: string): ManagementError {
  const message = parseJson(said)?.message ?? `it answered ${status}`
  if (status === 401) {
    return new ManagementError(
      'token',
      `Supabase does not accept the access token, which is mistyped, revoked or expired: create another at ${TOKENS}.`,
    )
  }
  if (status === 429 || status >= 500) {
    return new ManagementError('no answer', `Supabase did not ${what}: ${message}.`)
  }
  return new ManagementError('refused', `Supabase did not ${what}: ${message}`)
}

function explainNetwork(what: string, { name, message, cause }: Error): string {
  if (name === 'TimeoutError') {
    return `Supabase did not ${what} within ${TIME_LIMIT_MS / 60_000} minutes.`
  }
  const reason = cause instanceof Error ? cause.message : message
  return `Supabase cannot be reached, so it did not ${what}: check the network (${reason}).`
}
