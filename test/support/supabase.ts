/**
 * startSupabase(): a stand-in for the parts of Supabase's management API that its own program uses, which
 * is the real one here and reaches it through a profile (SUPABASE_PROFILE). SQL runs in a real database.
 * It cannot show how long a project takes to start, nor the exact words of refusals.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import type { Program } from '../../scripts/lib/supabase-program.ts'
import type { TestDatabase } from './database.ts'
import { createSignIns } from './supabase-sign-in.ts'

interface StandInProject {
  ref: string
  name: string
  region: string
  organization_slug: string
  /** Its status at each of the next requests; the last one stays. */
  statuses: string[]
}

export interface Supabase extends AsyncDisposable {
  /** In which the program reaches this stand-in and nothing else. */
  isolation: Record<string, string>
  /** The same with the program installed, without a sign-in. */
  environment: Record<string, string>
  /** The same with a token. */
  signedIn: Record<string, string>
  token: string
  organizations: { slug: string; name: string }[]
  projects: StandInProject[]
  /** The bodies of the requests that created projects. */
  created: { name: string; organization_slug: string; region: string; db_pass: string }[]
  /** The SQL that was run, in order. */
  statements: string[]
  lints: { name: string; level: string; detail: string }[]
  /** Refuses the token from the next request to an endpoint on, or from now. */
  revoke(endpoint?: string): void
  /** Does in the browser what a person does at the address that the program prints; returns the code. */
  approve(address: string): string
  /** The arguments of every run of the program, as another user of the machine sees them. */
  readArguments(): string
}

export interface SupabaseOptions {
  database: TestDatabase
  /** The ref of the project that is created next. */
  ref: string
  secretKey: string
  /** Supabase's program, for a test that runs it. */
  program?: Program | undefined
}

export const ORGANIZATION = { slug: 'acme', name: 'Acme' }

export async function startSupabase(options: SupabaseOptions): Promise<Supabase> {
  const { database, ref, secretKey } = options
  const folder = mkdtempSync(join(tmpdir(), 'relay-supabase-stand-in-'))
  const token = `sbp_${randomBytes(20).toString('hex')}`
  const signIns = createSignIns(token)
  let revokedFrom: string | undefined

  const describe = ({ statuses, ...project }: StandInProject) => ({
    ...project,
    id: project.ref,
    organization_id: project.organization_slug,
    status: statuses.length > 1 ? statuses.shift() : statuses[0],
    created_at: '2026-11-26T10:00:00Z',
    database: {
      host: `db.${project.ref}.supabase.co`,
      version: '17.6.1.111',
      postgres_engine: '17',
      release_channel: 'ga',
    },
  })

  async function answer(request: IncomingMessage): Promise<[status: number, body: unknown]> {
    const { pathname, searchParams } = new URL(request.url as string, 'http://localhost')
    const [, session] = /^\/platform\/cli\/login\/(.+)$/.exec(pathname) ?? []
    if (session) return signIns.finish(session, searchParams.get('device_code') ?? '')
    const [kind, own = '', ...rest] = pathname.replace('/v1/', '').split('/')
    const endpoint = [request.method, kind, ...rest].join(' ')
    if (endpoint === revokedFrom) revokedFrom = ''
    if (revokedFrom === '' || request.headers.authorization !== `Bearer ${token}`) {
      return [401, { message: 'Unauthorized' }]
    }
    const project = supabase.projects.find((one) => one.ref === own)
    switch (endpoint) {
      case 'GET profile':
        return [
          200,
          { gotrue_id: randomUUID(), primary_email: 'person@example.com', username: 'person' },
        ]
      case 'GET organizations':
        return [200, supabase.organizations.map((one) => ({ id: one.slug, ...one }))]
      case 'POST projects': {
        const body = (await json(request)) as Supabase['created'][number]
        supabase.created.push(body)
        const { name, region, organization_slug } = body
        const made = {
          ref,
          name,
          region,
          organization_slug,
          statuses: ['COMING_UP', 'ACTIVE_HEALTHY'],
        }
        supabase.projects.push(made)
        return [201, describe({ ...made, statuses: ['COMING_UP'] })]
      }
    }
    if (endpoint === 'GET projects' && !own) return [200, supabase.projects.map(describe)]
    if (!project) return [404, { message: 'Project not found' }]
    switch (endpoint) {
      case 'GET projects':
        return [200, describe({ ...project, statuses: project.statuses.slice(0, 1) })]
      case 'GET projects api-keys': {
        const isRevealed = searchParams.get('reveal') === 'true'
        return [
          200,
          [
            { name: 'service_role', id: 'service_role', type: 'legacy', api_key: 'eyJ' },
            { name: 'default', id: 'a', type: 'publishable', api_key: 'sb_publishable_x' },
            {
              name: 'default',
              id: 'b',
              type: 'secret',
              api_key: isRevealed ? secretKey : 'sb_secret_…',
            },
          ],
        ]
      }
      case 'POST projects database query':
        return runSql(((await json(request)) as { query: string }).query)
      case 'GET projects advisors security':
        return [200, { lints: supabase.lints.map(completeLint) }]
      case 'GET projects advisors performance':
        return [200, { lints: [] }]
    }
    return [404, { message: `No route for ${endpoint}` }]
  }

  async function runSql(query: string): Promise<[status: number, body: unknown]> {
    supabase.statements.push(query)
    const owner = await database.connect('postgres')
    try {
      const result = [await owner.query(query)].flat().at(-1)
      return [201, result?.rows ?? []]
    } catch (error) {
      return [400, { message: `Failed to run sql query: ERROR: ${(error as Error).message}` }]
    }
  }

  const server = createServer((request, response) => {
    answer(request).then(
      ([status, body]) => {
        request.resume()
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
      },
      (error) => response.writeHead(500).end(String(error)),
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo

  const profile = join(folder, 'profile.yaml')
  writeFileSync(
    profile,
    [
      'name: stand-in',
      `api_url: http://127.0.0.1:${port}`,
      'dashboard_url: https://supabase.com/dashboard',
      'project_host: supabase.co',
    ].join('\n'),
  )
  const isolation = {
    SUPABASE_PROFILE: profile,
    SUPABASE_HOME: join(folder, 'home'),
    SUPABASE_NO_KEYRING: '1',
  }
  const PATH = `${installProgram(folder, options.program)}:${process.env.PATH}`

  const supabase: Supabase = {
    isolation,
    environment: { ...isolation, PATH },
    signedIn: { ...isolation, PATH, SUPABASE_ACCESS_TOKEN: token },
    token,
    organizations: [ORGANIZATION],
    projects: [],
    created: [],
    statements: [],
    lints: [],
    revoke(endpoint = '') {
      revokedFrom = endpoint
    },
    approve: signIns.approve,
    readArguments() {
      const log = join(folder, 'arguments')
      return existsSync(log) ? readFileSync(log, 'utf8') : ''
    },
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
      rmSync(folder, { recursive: true, force: true })
    },
  }
  return supabase
}

/** Adds the fields without which the program refuses the answer. */
const completeLint = (lint: Supabase['lints'][number]) => ({
  ...lint,
  title: lint.name,
  facing: 'EXTERNAL',
  categories: ['SECURITY'],
  description: lint.name,
  remediation: 'https://supabase.com/docs',
  metadata: {},
  cache_key: lint.name,
})

/** Installs the real program under its name, in front of which its arguments are written down. */
function installProgram(folder: string, program: Program | undefined): string {
  const bin = join(folder, 'bin')
  mkdirSync(bin)
  if (!program) return bin
  const command = program.map((part) => `'${part}'`).join(' ')
  const path = join(bin, 'supabase')
  writeFileSync(path, `#!/bin/sh\necho "$*" >> '${folder}/arguments'\nexec ${command} "$@"\n`)
  chmodSync(path, 0o755)
  return bin
}
