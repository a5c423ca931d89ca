/**
 * A small Supabase API. Answers only the requests of `db.rpc(…)`, `POST /rest/v1/rpc/:function`, as
 * Supabase's key check and PostgREST would. functions.ts finds the function, errors.ts writes refusals.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { DatabaseError, Pool, type PoolClient } from 'pg'
import type { Connection } from '../postgres/server.ts'
import { ApiError, createConnectionError, createDatabaseError, createKeyError } from './errors.ts'
import { type FunctionCall, FunctionCatalogue } from './functions.ts'

/** Limit of one request; the relay's largest is about 400 KB. */
const MAX_BODY_BYTES = 4 * 1024 * 1024
const POOL_TIMEOUT_MS = 10_000
/**
 * Each function has its own, so that calls of one that wait for a lock leave the others theirs. Few keep
 * up with workerd's one thread. All functions together stay below what PostgreSQL at home allows.
 */
const CONNECTIONS_PER_FUNCTION = 4
const PATH = /^\/rest\/v1\/rpc\/([^/?]+)$/

export interface GatewayOptions {
  /** The database; the user is replaced by `authenticator`, who may switch to the API's roles. */
  connection: Connection
  /** The secret key, `sb_secret_…`; this project has no publishable one. */
  keys: { service: string }
  /** For tests whose calls wait for each other, or are to meet. */
  connectionsPerFunction?: number
}

export interface Gateway {
  url: string
  /** The number of requests for each function, including refused ones. */
  requests: Map<string, number>
  stop(): Promise<void>
}

/** Starts a gateway on a free loopback port. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { keys, connectionsPerFunction = CONNECTIONS_PER_FUNCTION } = options
  const connection = { ...options.connection, user: 'authenticator' }
  const catalogue = new FunctionCatalogue(connection)
  const requests = new Map<string, number>()
  const pools = new Map<string, Pool>()

  function poolOf({ name, readOnly }: FunctionCall): Pool {
    const key = `${name} ${readOnly}`
    const known = pools.get(key)
    if (known) return known
    // With the role and the mode of its connections, a statement is the whole transaction: one round trip.
    // A function must not change the role of its session, which the next call would have then.
    const pool = new Pool({
      ...connection,
      options: `-c role=service_role${readOnly ? ' -c default_transaction_read_only=on' : ''}`,
      max: connectionsPerFunction,
      connectionTimeoutMillis: POOL_TIMEOUT_MS,
      application_name: 'relay gateway',
    })
    // The pool replaces a connection that PostgreSQL closes, and its query fails. Without a listener, the
    // event would end the process.
    pool.on('error', () => {}).on('connect', (client) => client.on('error', () => {}))
    pools.set(key, pool)
    return pool
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<string> {
    authenticate(request, keys.service)
    const name = functionName(request)
    requests.set(name, (requests.get(name) ?? 0) + 1)
    const body = await readBody(request)
    const call = await catalogue.find(name, argumentNames(body))
    const client = await poolOf(call)
      .connect()
      .catch((error) => Promise.reject(createConnectionError(error)))
    if (response.destroyed) {
      // The caller has given up, and nothing has been started.
      client.release()
      throw createConnectionError(new Error('The caller has disconnected'))
    }
    return run(client, call, body)
  }

  const server = createServer((request, response) => {
    answer(request, response).then(
      (json) => send(response, 200, json),
      (error) => sendError(response, error),
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    async stop() {
      server.close()
      server.closeAllConnections()
      // A running transaction gets a moment to finish, then PostgreSQL's shutdown ends it.
      const ended = Promise.all([
        ...[...pools.values()].map((pool) => pool.end()),
        catalogue.close(),
      ])
      await Promise.race([ended, sleep(300, undefined, { ref: false })])
    },
  }
}

/** Supabase's own check, before PostgREST sees the request. */
function authenticate({ headers }: IncomingMessage, serviceKey: string): void {
  const key = headers.apikey
  if (typeof key !== 'string') throw createKeyError('missing')
  if (key !== serviceKey) throw createKeyError('unknown')
  // A bearer token other than the key would be a user's JWT, but this project has no users.
  const bearer = headers.authorization?.replace(/^Bearer /i, '')
  if (bearer !== undefined && bearer !== key) {
    if (bearer.startsWith('sb_')) throw createKeyError('unknown')
    throw new ApiError(401, 'PGRST301', 'No suitable key or wrong key type')
  }
  if (/^Mozilla\//.test(headers['user-agent'] ?? '')) {
    throw createKeyError('browser')
  }
}

function functionName({ url = '', method = '', headers }: IncomingMessage): string {
  const [, name] = PATH.exec(url.split('?', 1)[0] as string) ?? []
  if (!name) throw new ApiError(404, 'PGRST125', 'Invalid path specified in request URL')
  if (method !== 'POST') {
    throw new ApiError(405, 'PGRST101', `Cannot use the ${method} method on RPC`)
  }
  const schema = headers['content-profile'] ?? 'public'
  if (schema !== 'public') {
    const hint = 'Only the following schemas are exposed: public'
    throw new ApiError(406, 'PGRST106', `Invalid schema: ${schema}`, { hint })
  }
  const type = headers['content-type']?.split(';', 1)[0]
  if (type && type !== 'application/json') {
    throw new ApiError(415, 'PGRST102', `Content-Type not acceptable: ${type}`)
  }
  return decodeURIComponent(name)
}

/** Reads by events, because an async iterator costs several times as much. */
function readBody(request: IncomingMessage): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const chunks: Buffer[] = []
  let size = 0
  request
    .on('data', (chunk: Buffer) => {
      size += chunk.length
      chunks.push(chunk)
      if (size <= MAX_BODY_BYTES) return
      request.pause()
      reject(new ApiError(413, 'PGRST102', 'Request body too large'))
    })
    .on('end', () => resolve(Buffer.concat(chunks).toString('utf8') || '{}'))
    .on('error', reject)
  return promise
}

function argumentNames(body: string): string[] {
  try {
    const parsed: unknown = JSON.parse(body)
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) {
      return Object.keys(parsed)
    }
  } catch {}
  throw new ApiError(400, 'PGRST102', 'Empty or invalid json')
}

/** Runs a call as PostgREST does; it completes even if the client disconnects. */
async function run(
  client: PoolClient,
  { statement, takesBody }: FunctionCall,
  body: string,
): Promise<string> {
  let broken: Error | undefined
  try {
    const values = takesBody ? [body] : []
    const { rows } = await client.query<{ result: string | null }>({ ...statement, values })
    return rows[0]?.result ?? 'null'
  } catch (error) {
    if (endsConnection(error)) broken = error as Error
    // PostgreSQL reports an error before it rolls back, and runs the next statement after that. A refusal
    // must not be told earlier.
    else await client.query('select').catch((lost) => (broken = lost))
    throw createDatabaseError(error as Error)
  } finally {
    client.release(broken)
  }
}

/** Whether the connection is lost, or about to be. */
function endsConnection(error: unknown): boolean {
  return !(error instanceof DatabaseError) || /^(FATAL|PANIC)$/.test(error.severity ?? '')
}

function send(response: ServerResponse, status: number, json: string): void {
  response.statusCode = status
  response.setHeader('content-type', 'application/json; charset=utf-8')
  response.end(json)
}

function sendError(response: ServerResponse, error: unknown): void {
  if (!(error instanceof ApiError)) {
    console.error(error)
    send(response, 500, JSON.stringify({ message: 'The gateway failed' }))
    return
  }
  if (error.code) response.setHeader('proxy-status', `PostgREST; error=${error.code}`)
  send(response, error.status, JSON.stringify(error.body))
}
