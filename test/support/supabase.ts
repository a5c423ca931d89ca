/**
 * startSupabase(): a stand-in for the parts of Supabase's management API that the set-up uses. SQL runs in
 * a real database. Supabase's own program (3.1.0) listed and created projects, read keys and ran SQL
 * through these answers. It cannot show how long a project takes to start, nor the exact words of
 * refusals.
 */
import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { json } from 'node:stream/consumers'
import type { TestDatabase } from './database.ts'
import { listen } from './server.ts'

interface StandInProject {
  ref: string
  name: string
  region: string
  organization_slug: string
  /** Its status at each of the next requests; the last one stays. */
  statuses: string[]
}

interface SupabaseOptions {
  database: TestDatabase
  /** The ref of the project that is created next. */
  ref: string
  secretKey: string
}

interface NewProject {
  name: string
  organization_slug: string
  region: string
  db_pass: string
}

export type Supabase = Awaited<ReturnType<typeof startSupabase>>

export async function startSupabase({ database, ref, secretKey }: SupabaseOptions) {
  const token = `sbp_${randomBytes(20).toString('hex')}`
  let revokedFrom: string | undefined
  let isHeld = false

  const describe = ({ statuses, ...project }: StandInProject) => ({
    ...project,
    id: project.ref,
    organization_id: project.organization_slug,
    status: statuses.length > 1 ? statuses.shift() : statuses[0],
    created_at: '2026-11-26T10:00:00Z',
  })

  async function answer(request: IncomingMessage): Promise<[status: number, body: unknown]> {
    const { pathname, searchParams } = new URL(request.url as string, 'http://localhost')
    const [kind, own = '', ...rest] = pathname.replace('/v1/', '').split('/')
    const endpoint = [request.method, kind, ...rest].join(' ')
    if (endpoint === revokedFrom) revokedFrom = ''
    if (revokedFrom === '' || request.headers.authorization !== `Bearer ${token}`) {
      return [401, { message: 'Unauthorized' }]
    }
    const project = supabase.projects.find((one) => one.ref === own)
    switch (endpoint) {
      case 'GET organizations':
        return [200, supabase.organizations.map((one) => ({ id: one.slug, ...one }))]
      case 'POST projects': {
        const body = (await json(request)) as NewProject
        supabase.created.push(body)
        const { name, region, organization_slug } = body
        const statuses = ['COMING_UP', 'ACTIVE_HEALTHY']
        const made = { ref, name, region, organization_slug, statuses }
        supabase.projects.push(made)
        return [201, describe({ ...made, statuses: ['COMING_UP'] })]
      }
    }
    if (endpoint === 'GET projects' && !own) return [200, supabase.projects.map(describe)]
    if (!project) return [404, { message: 'Project not found' }]
    switch (endpoint) {
      case 'GET projects api-keys': {
        const api_key = searchParams.get('reveal') === 'true' ? secretKey : 'sb_secret_…'
        const publishable = { name: 'default', type: 'publishable', api_key: 'sb_publishable_x' }
        return [200, [publishable, { name: 'default', type: 'secret', api_key }]]
      }
      case 'POST projects database query':
        return runSql((await json(request)) as { query: string; read_only: boolean })
    }
    return [404, { message: `No route for ${endpoint}` }]
  }

  async function runSql({
    query,
    read_only,
  }: {
    query: string
    read_only: boolean
  }): Promise<[status: number, body: unknown]> {
    if (isHeld && !read_only) return new Promise(() => {})
    supabase.statements.push(query)
    const owner = await database.connect('postgres')
    try {
      // As the role that Supabase runs these as.
      if (read_only) await owner.query('set default_transaction_read_only = on')
      const result = [await owner.query(query)].flat().at(-1)
      return [201, result?.rows ?? []]
    } catch (error) {
      return [400, { message: `Failed to run sql query: ERROR: ${(error as Error).message}` }]
    }
  }

  const server = await listen((request, response) => {
    answer(request).then(
      ([status, body]) => {
        request.resume()
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
      },
      (error) => response.writeHead(500).end(String(error)),
    )
  })

  const supabase = {
    ...server,
    /** The environment of a person who is signed in. */
    signedIn: { SUPABASE_ACCESS_TOKEN: token },
    token,
    organizations: [{ slug: 'acme', name: 'Acme' }],
    projects: [] as StandInProject[],
    /** The bodies of the requests that created projects. */
    created: [] as NewProject[],
    /** The SQL that was run, in order. */
    statements: [] as string[],
    /** Refuses the token from the next request to an endpoint on, or from now. */
    revoke(endpoint = '') {
      revokedFrom = endpoint
    },
    /** Leaves SQL that may change something without an answer, or no longer. */
    hold(value: boolean) {
      isHeld = value
    },
  }
  return supabase
}
