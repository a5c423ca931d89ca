/**
 * Supabase as the benchmark needs it: the gateway, plus the table endpoints of PostgREST that
 * workers/tables.ts uses. Records every request, and can delay each as a database in another city would.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { escapeIdentifier, Pool } from 'pg'
import type { Connection } from '../scripts/local/postgres/server.ts'
import type { Gateway } from '../scripts/local/supabase/gateway.ts'

/** The most rows that Supabase returns. */
const MAX_ROWS = 1000

const OPERATORS: Record<string, string> = { eq: '=', gt: '>' }
const NO_COLUMNS = new Set(['select', 'order', 'limit', 'on_conflict', 'columns'])

export interface TableEndpoints {
  url: string
  /** Delays each answer by this many milliseconds. */
  delay: number
  /** The requests so far: the function or table, and the body. */
  requests: { target: string; body: string }[]
  stop(): Promise<void>
}

export async function startTableEndpoints(
  connection: Connection,
  gateway: Gateway,
): Promise<TableEndpoints> {
  const pool = new Pool({ ...connection, user: 'authenticator', max: 10 })
  // PostgreSQL may stop while connections are still closing. Unheard, its error would end the benchmark.
  pool.on('error', () => {}).on('connect', (client) => client.on('error', () => {}))

  async function answer(request: IncomingMessage): Promise<{ status: number; json: string }> {
    const url = new URL(request.url as string, 'http://localhost')
    const body = await text(request)
    const target = url.pathname.replace('/rest/v1/', '')
    endpoints.requests.push({ target, body })
    if (endpoints.delay > 0) await sleep(endpoints.delay)
    if (target.startsWith('rpc/')) {
      const { apikey = '', authorization = '' } = request.headers
      const headers = { apikey: String(apikey), authorization, 'content-type': 'application/json' }
      const response = await fetch(gateway.url + url.pathname, { method: 'POST', headers, body })
      return { status: response.status, json: await response.text() }
    }
    const rows = await query(pool, writeStatement(request.method as string, target, url, body))
    const wantsOne = request.headers.accept?.includes('vnd.pgrst.object')
    return { status: 200, json: JSON.stringify(wantsOne ? rows[0] : rows) }
  }

  const server = createServer((request, response) => {
    answer(request).then(
      ({ status, json }) => response.writeHead(status).end(json),
      (error) => response.writeHead(500).end(JSON.stringify({ message: error.message })),
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const endpoints: TableEndpoints = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    delay: 0,
    requests: [],
    async stop() {
      server.close()
      server.closeAllConnections()
      await pool.end()
    },
  }
  return endpoints
}

/** Writes the statement for a request to a table. */
function writeStatement(method: string, table: string, url: URL, body: string) {
  const parameters = url.searchParams
  const name = `public.${escapeIdentifier(table)}`
  const columns = parameters.get('select') ?? '*'
  const values: unknown[] = []
  const value = (given: unknown) => `$${values.push(given)}`

  const conditions = [...parameters].flatMap(([column, test]) => {
    if (NO_COLUMNS.has(column)) return []
    const [, operator = '', operand = ''] = /^(\w+)\.(.*)$/s.exec(test) ?? []
    const tested = `t.${escapeIdentifier(column)}`
    return operator === 'in'
      ? [`${tested} = any (${value(operand.slice(1, -1).split(','))})`]
      : [`${tested} ${OPERATORS[operator]} ${value(operand)}`]
  })
  const where = conditions.length > 0 ? `where ${conditions.join(' and ')}` : ''
  if (method === 'GET') {
    const order = parameters.get('order')?.replaceAll('.', ' ').replace('nullslast', 'nulls last')
    const limit = Math.min(Number(parameters.get('limit') ?? MAX_ROWS), MAX_ROWS)
    const ordered = order ? `order by ${order}` : ''
    return { text: `select ${columns} from ${name} t ${where} ${ordered} limit ${limit}`, values }
  }

  const given = Object.keys(JSON.parse(body)).map(escapeIdentifier)
  const record = `json_populate_record(null::${name}, ${value(body)})`
  if (method === 'PATCH') {
    const set = given.map((column) => `${column} = given.${column}`).join(', ')
    const text = `update ${name} t set ${set} from ${record} given ${where} returning t.id`
    return { text, values }
  }
  const key = parameters.get('on_conflict')
  const merged = given.map((column) => `${column} = excluded.${column}`).join(', ')
  const conflict = key ? `on conflict (${key}) do update set ${merged}` : ''
  const inserted = `insert into ${name} (${given}) select ${given} from ${record} ${conflict}`
  return { text: `${inserted} returning ${columns}`, values }
}

/** Runs one transaction with the API's role, as PostgREST does. */
async function query(pool: Pool, statement: { text: string; values: unknown[] }) {
  const client = await pool.connect()
  try {
    await client.query('begin; set local role service_role')
    const { rows } = await client.query(statement)
    await client.query('commit')
    return rows
  } catch (error) {
    await client.query('rollback')
    throw error
  } finally {
    client.release()
  }
}
