/**
 * What the set-up asks Supabase about a person's account, through Supabase's own program and its sign-in:
 * organizations, projects, the secret key of a project, and SQL. Each refusal becomes one sentence.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import {
  ask,
  fetchProgram,
  findProgram,
  makeFolder,
  PROGRAM,
  type Program,
  runTyping,
  type Typed,
} from '../lib/supabase-program.ts'
import { UserError } from '../lib/user-error.ts'
import type { Draft } from './deployment.ts'

const Organizations = z.object({
  organizations: z.array(z.object({ slug: z.string(), name: z.string() })),
})

const HostedProject = z.object({
  ref: z.string(),
  name: z.string(),
  organization_slug: z.string(),
  region: z.string(),
  status: z.string(),
  created_at: z.string(),
  database: z.object({ version: z.string() }).optional(),
})

const Keys = z.object({
  keys: z.array(
    z.object({ type: z.string().nullish(), name: z.string(), api_key: z.string().nullish() }),
  ),
})

const Advice = z.object({
  results: z.array(z.object({ name: z.string(), level: z.string(), detail: z.string() })),
})

export type Organization = z.infer<typeof Organizations>['organizations'][number]
export type HostedProject = z.infer<typeof HostedProject>
export type Advice = z.infer<typeof Advice>['results'][number]

/** Why Supabase refused something: the sign-in, or the request itself. `unknown`: it may have done it. */
export class ManagementError extends UserError {
  readonly kind: 'sign-in' | 'network' | 'refused' | 'unknown'

  constructor(kind: ManagementError['kind'], message: string) {
    super(message)
    this.kind = kind
  }
}

type Row = Record<string, unknown>

/** A person's account at Supabase. */
export interface Management {
  program: Program
  listOrganizations(): Promise<Organization[]>
  listProjects(): Promise<HostedProject[]>
  /** Creates a project and returns its ref. The password is not an argument of any process. */
  createProject(draft: Draft, password: string): Promise<string>
  readSecretKey(ref: string): Promise<string>
  /** Runs one or more statements as the owner of the database, in one transaction. */
  runSql(ref: string, sql: string): Promise<Row[]>
  /** Runs a statement that cannot change anything. */
  readSql(ref: string, sql: string): Promise<Row[]>
  readAdvice(ref: string): Promise<Advice[]>
}

/** Opens the account with a program that is already here; undefined without one. */
export async function findManagement(): Promise<Management | undefined> {
  const program = await findProgram()
  return program && createManagement(program)
}

/** Opens the account after npx has fetched the program. */
export async function fetchManagement(): Promise<Management> {
  return createManagement(await fetchProgram())
}

function createManagement(program: Program): Management {
  let organizations: z.infer<typeof Organizations> | undefined

  async function request<T>(what: string, args: string[], schema: z.ZodType<T>): Promise<T> {
    const outcome = await ask(program, args)
    if ('fault' in outcome) throw explain(what, outcome.fault)
    const { data, success } = schema.safeParse(outcome.data)
    if (success) return data
    throw new ManagementError(
      'refused',
      `Supabase’s program gave an answer to "${args[0]} ${args[1]}" that this version does not understand.`,
    )
  }

  function query(ref: string, sql: string, option: '--yes' | '--read-only'): Promise<Row[]> {
    const file = join(makeFolder(), 'statement.sql')
    writeFileSync(file, sql)
    const args = ['db', 'query', `--remote=${ref}`, '--file', file, option]
    return request('run the SQL', args, z.array(z.record(z.string(), z.unknown())))
  }

  return {
    program,

    async listOrganizations() {
      // Also asked to find out who is signed in.
      organizations ??= await request('list your organizations', ['orgs', 'list'], Organizations)
      return organizations.organizations
    },

    async listProjects() {
      const Projects = z.object({ projects: z.array(HostedProject) })
      return (await request('list your projects', ['projects', 'list'], Projects)).projects
    },

    async createProject({ name, organization, region }, password) {
      const options = [
        '--org-id',
        organization,
        '--region',
        region,
        '-o',
        'json',
        '--yes',
        '--agent',
        'no',
      ]
      const created = await runTyping(program, ['projects', 'create', name, ...options], {
        prompt: /database password/,
        secret: password,
      })
      return readCreated(created)
    },

    async readSecretKey(ref) {
      const args = ['projects', 'api-keys', '--reveal', `--remote=${ref}`]
      const { keys } = await request('read the secret key of the project', args, Keys)
      const found = pickSecretKey(keys)
      if (found) return found
      throw new ManagementError(
        'refused',
        `The project has no secret key that this sign-in may read: create one at https://supabase.com/dashboard/project/${ref}/settings/api-keys, or sign in as an owner.`,
      )
    },

    runSql: (ref, sql) => query(ref, sql, '--yes'),
    readSql: (ref, sql) => query(ref, sql, '--read-only'),

    async readAdvice(ref) {
      const args = ['db', 'advisors', `--remote=${ref}`, '--level', 'info', '--fail-on', 'none']
      return (await request('run the advisors', args, Advice)).results
    },
  }
}

/** The secret key, or the legacy one with the same rights. */
export function pickSecretKey(keys: z.infer<typeof Keys>['keys']): string | undefined {
  const named = (name: string) => (key: (typeof keys)[number]) => key.name === name
  const secret = keys.filter(({ type }) => type === 'secret')
  const legacy = keys.filter(({ type }) => type !== 'secret' && type !== 'publishable')
  const key = secret.find(named('default')) ?? secret[0] ?? legacy.find(named('service_role'))
  return key?.api_key ?? undefined
}

/** Reads the ref of a new project from what the program printed. Throws ManagementError. */
export function readCreated({ code, printed }: Typed): string {
  const [, ref] = /"(?:ref|id)": "([a-z]{20})"/.exec(printed) ?? []
  if (code === 0 && ref) return ref
  if (code !== 0 && code !== undefined) throw explain('create the project', printed)
  const end = code === undefined ? 'did not end in time' : 'gave an answer that was not understood'
  throw new ManagementError(
    'unknown',
    `Supabase’s program ${end}, so the project may have been created: look at ` +
      'https://supabase.com/dashboard/projects. The next run uses it if it is there.',
  )
}

/** Turns the program's words into a sentence with the cause and the fix. */
export function explain(what: string, said: string): ManagementError {
  const message = readMessage(said)
  if (/access token not provided/i.test(message)) {
    return new ManagementError(
      'sign-in',
      `You are not signed in to Supabase: run "${PROGRAM} login", or set SUPABASE_ACCESS_TOKEN.`,
    )
  }
  if (/invalid access token format/i.test(message)) {
    return new ManagementError(
      'sign-in',
      `SUPABASE_ACCESS_TOKEN is not an access token (sbp_…): create one at ${TOKENS}.`,
    )
  }
  if (/^unauthorized$|\b401\b/i.test(message) || /status 401\b/.test(said)) {
    const fix = process.env.SUPABASE_ACCESS_TOKEN
      ? `create another at ${TOKENS} and set SUPABASE_ACCESS_TOKEN to it`
      : `run "${PROGRAM} login"`
    return new ManagementError(
      'sign-in',
      `Supabase no longer accepts your sign-in, since it was revoked or has expired: ${fix}.`,
    )
  }
  if (/transport\s?error|timed? ?out|ENOTFOUND|ECONNREFUSED/i.test(message)) {
    return new ManagementError(
      'network',
      `Supabase cannot be reached, so it did not ${what}: check the network.`,
    )
  }
  return new ManagementError('refused', `Supabase did not ${what}: ${message}`)
}

const TOKENS = 'https://supabase.com/dashboard/account/tokens'

/** Takes the message of the API out of what the program says around it. */
function readMessage(said: string): string {
  const [json] = /\{"message".*\}/s.exec(said) ?? []
  try {
    return json ? JSON.parse(json).message : lastLine(said)
  } catch {
    return lastLine(said)
  }
}

/** The last line of an output, without the program's advice to debug it. */
function lastLine(said: string): string {
  const lines = said.split(/[\r\n]+/).filter((line) => line.trim() && !/--debug/.test(line))
  return lines.at(-1)?.trim() ?? 'no reason given'
}
