/**
 * createAccounts(): a person's accounts at Cloudflare and Supabase for `npm run setup` and
 * `npm run rotate`. Cloudflare is a stand-in with nothing deployed, Supabase a stand-in for the account
 * and a project with an empty database.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { inject } from 'vitest'
import { startTableEndpoints } from '../../bench/table-endpoints.ts'
import type { Deployment } from '../../scripts/deploy/deployment.ts'
import { McpClient } from '../../scripts/lib/mcp-client.ts'
import { applyMigration, readMigrations } from '../../scripts/lib/migrations.ts'
import { startGateway } from '../../scripts/local/supabase/gateway.ts'
import type { Bundle } from '../../scripts/local/workerd/bundle.ts'
import { startCloudflare, WRANGLER } from './cloudflare.ts'
import { createTestDatabase } from './database.ts'
import { startInternet } from './internet.ts'
import { createHome } from './person.ts'
import { startSupabase } from './supabase.ts'

export const REF = 'abcdefghijklmnopqrst'
export const PROJECT_URL = `https://${REF}.supabase.co`
export const SERVICE_KEY = 'sb_secret_of_these_tests'
export const ANON_KEY = 'sb_publishable_of_these_tests'
export const RELAY_URL = 'https://relay-mcp.person.workers.dev'
export const USER = '5f0c9f6e-2a0b-4d0a-9a53-0d9c1c7d3b11'

export type Accounts = Awaited<ReturnType<typeof createAccounts>>

/** As much of relay-mcp 0.1.0 as a set-up asks of the relay that it takes over. */
const LEGACY_WORKER = `export default {
  async fetch(request, env) {
    if (new URL(request.url).pathname !== '/mcp') return Response.json({ ok: true })
    const isOwner = request.headers.get('authorization') === 'Bearer ' + env.RELAY_API_KEY
    if (!isOwner) return Response.json({ error: 'unauthorized' }, { status: 401 })
    const { id } = await request.json()
    return Response.json({ jsonrpc: '2.0', id, result: { tools: [] } })
  },
}`

/** `hasQuickWrangler`: commands run the stand-in for wrangler, which starts at once. */
export async function createAccounts({ hasQuickWrangler = false } = {}) {
  const database = await createTestDatabase({ empty: true })
  const { connection } = database
  const gateway = await startGateway({ connection, keys: { service: SERVICE_KEY } })
  const project = await startTableEndpoints(connection, gateway)
  const cloudflare = await startCloudflare({ [PROJECT_URL]: project.url })
  const supabase = await startSupabase({ database, ref: REF, secretKey: SERVICE_KEY })
  const hosts: Record<string, string> = {
    [new URL(PROJECT_URL).host]: project.url,
    'api.supabase.com': supabase.url,
  }
  const internet = await startInternet((host) => hosts[host] ?? cloudflare.find(host))
  const home = createHome()
  const file = join(home.path, 'setup.json')
  const deploy = (bundle: Bundle, key: string) =>
    cloudflare.install('relay-mcp', bundle, {
      RELAY_API_KEY: key,
      RELAY_USER_ID: USER,
      SUPABASE_URL: PROJECT_URL,
      SUPABASE_SERVICE_KEY: SERVICE_KEY,
    })
  const client = (key: string) => {
    const url = cloudflare.find(new URL(RELAY_URL).host)
    if (!url) throw new Error('No relay is deployed.')
    return new McpClient(url, key)
  }

  return {
    cloudflare,
    /** The account in which the project is, for commands that sign in to it. */
    supabase,
    database,
    /** The owner's connection string for the database. */
    databaseUrl: `postgresql://postgres:${connection.password}@${connection.host}:${connection.port}/${connection.database}`,
    /** The environment in which a command finds these accounts, with its own data directory. */
    environment: {
      ...cloudflare.environment,
      ...internet.environment,
      ...(hasQuickWrangler && {
        NODE_OPTIONS: `${internet.environment.NODE_OPTIONS} --import ${WRANGLER}`,
      }),
      RELAY_DATA: home.path,
    } as Record<string, string | undefined>,
    /** Applies the migrations, as a person does in the SQL editor. */
    async runMigrations() {
      const owner = await database.connect('postgres')
      for (const migration of readMigrations()) await applyMigration(owner, migration)
    },
    /** Deploys a relay with this key, as if from somewhere else. */
    deployRelay: (key: string) => deploy(inject('bundle'), key),
    /** The same with a Worker that answers as relay-mcp 0.1.0 does, which takes keys of any length. */
    deployLegacyRelay: (key: string) => deploy({ ...inject('bundle'), source: LEGACY_WORKER }, key),
    /** The path of setup.json. */
    file,
    kept: (): Deployment => (existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {}),
    /** The status of a request to the deployed relay with a key. */
    statusFor: async (key: string) => (await client(key).legacy('tools/list')).status,
    /** The same at the public URLs of earlier versions, for those that have one. */
    async statusesOfVersions(key: string) {
      const versions = cloudflare.scripts.get('relay-mcp')?.versions.keys() ?? []
      const urls = [...versions].map((id) => cloudflare.find(`${id}-${new URL(RELAY_URL).host}`))
      const reached = urls.filter((url) => url !== undefined)
      const asked = reached.map((url) => new McpClient(url, key).legacy('tools/list'))
      return (await Promise.all(asked)).map(({ status }) => status)
    },
    /** Calls a tool of the deployed relay. */
    call: (key: string, tool: string, args: Record<string, unknown>) =>
      client(key).call(tool, args),
    async [Symbol.asyncDispose]() {
      await internet[Symbol.asyncDispose]()
      await supabase[Symbol.asyncDispose]()
      await cloudflare[Symbol.asyncDispose]()
      await project.stop()
      await gateway.stop()
      await database[Symbol.asyncDispose]()
      home[Symbol.dispose]()
    },
  }
}
