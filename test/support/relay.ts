/**
 * createTestRelay(): the real Worker in workerd, over HTTP, with a gateway and a database. Tests in one
 * file that pass no options share one relay, which is emptied each time, so they run one after the
 * other. A relay with options is not shared.
 */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, inject } from 'vitest'
import { parseJson } from '../../scripts/lib/json.ts'
import { startGateway } from '../../scripts/local/supabase/gateway.ts'
import { startWorker } from '../../scripts/local/workerd/worker.ts'
import { createTestDatabase } from './database.ts'
import type { Faults } from './faults.ts'

// biome-ignore lint/suspicious/noExplicitAny: tests state what they expect by asserting it.
type Json = any

interface TestRelayOptions {
  /** Adds or replaces settings of the Worker; undefined removes one. */
  bindings?: Record<string, string | undefined>
  /** The Worker's SUPABASE_URL, instead of this relay's gateway. */
  supabaseUrl?: string
  /** A server between the Worker and this relay's gateway. */
  faults?: Faults
  /** The internet, as stand-ins (test/integration/outside.ts). */
  outside?: { url: string; target: string; redirect(source: string): string }
  /** Without the migrations. */
  empty?: boolean
  /** Runs a few calls of a function at a time, as npm start does, and not ten, which meet more often. */
  runsFewCalls?: boolean
  /** Whether `CF-Connecting-IP` counts as set by Cloudflare; true by default. */
  trustsConnectingIp?: boolean
}

export interface RpcResponse {
  status: number
  headers: Headers
  /** Parsed if it is JSON, otherwise the text. */
  body: Json
}

export type TestRelay = ReturnType<typeof relayOf>

type Stack = Awaited<ReturnType<typeof startStack>>

const LEGACY = '2025-11-25'
const LOG_DEADLINE_MS = 30_000

let shared: Promise<Stack> | undefined
afterAll(async () => (await shared)?.stop())

export async function createTestRelay(options?: TestRelayOptions): Promise<TestRelay> {
  if (options) {
    const stack = await startStack(options)
    return relayOf(stack, stack.stop)
  }
  shared ??= startStack({})
  const stack = await shared
  await empty(stack)
  return relayOf(stack, async () => {})
}

async function startStack(options: TestRelayOptions) {
  const database = await createTestDatabase({ empty: options.empty ?? false })
  const service = `sb_secret_${randomBytes(16).toString('hex')}`
  const gateway = await startGateway({
    connection: database.connection,
    keys: { service },
    ...(!options.runsFewCalls && { connectionsPerFunction: 10 }),
  })
  const between = options.faults ?? options.outside
  if (between) between.target = gateway.url
  const settings = {
    RELAY_API_KEY: randomBytes(32).toString('base64url'),
    RELAY_USER_ID: '5f0c9f6e-2a0b-4d0a-9a53-0d9c1c7d3b11',
    RELAY_HOSTS: 'localhost,127.0.0.1,[::1]',
    SUPABASE_URL: options.supabaseUrl ?? between?.url ?? gateway.url,
    SUPABASE_SERVICE_KEY: service,
    ...options.bindings,
  }
  const given = Object.entries(settings).filter(([, value]) => value !== undefined)
  const bindings = Object.fromEntries(given) as Record<string, string>
  const lines: string[] = []
  const bundle = inject('bundle')
  const source = options.outside?.redirect(bundle.source) ?? bundle.source
  const worker = await startWorker({
    bundle: { ...bundle, source },
    bindings,
    trustsConnectingIp: options.trustsConnectingIp ?? true,
    onLine: (line) => lines.push(line),
  })
  async function stop() {
    await worker.stop()
    await gateway.stop()
    await database[Symbol.asyncDispose]()
  }
  const cleaner = database.pool(1, 'postgres')
  return { worker, gateway, database, cleaner, bindings, serviceKey: service, lines, stop }
}

async function empty(stack: Stack, attempts = 5): Promise<void> {
  const { cleaner, gateway, lines } = stack
  try {
    await cleaner.query(
      `truncate relay_threads, relay_messages, relay_read_cursors, relay_readers, relay_connections,
        relay_targets, relay_deliveries, relay_schedule`,
    )
  } catch (error) {
    // The last call of a page that has just been closed takes the tables in another order.
    const isDeadlock = (error as { code?: string }).code === '40P01'
    if (!isDeadlock || attempts === 1) throw error
    return empty(stack, attempts - 1)
  }
  gateway.requests.clear()
  lines.length = 0
}

function relayOf(stack: Stack, stop: () => Promise<void>) {
  const { worker, gateway, database, bindings, serviceKey, lines } = stack
  const { RELAY_API_KEY: key = '', RELAY_USER_ID: userId = '' } = bindings
  const relay = {
    ...clientOf(worker.url, key),
    /** The origin, without a slash at the end. */
    url: worker.url,
    key,
    userId,
    /** The secret key that the gateway accepts. */
    serviceKey,
    gateway,
    database,

    /** The Worker's log lines since this relay was created; other console output as text. */
    get logs(): Json[] {
      return lines.map(parseJson)
    },

    /** Waits for the first line that matches: lines arrive a moment after the answer. */
    async log(matches: (line: Json) => boolean = () => true): Promise<Json> {
      for (const deadline = Date.now() + LOG_DEADLINE_MS; Date.now() < deadline; await sleep(5)) {
        const line = relay.logs.find(matches)
        if (line !== undefined) return line
      }
      throw new Error(`No such log line within ${LOG_DEADLINE_MS} ms among:\n${lines.join('\n')}`)
    },

    /** Runs the scheduled handler. */
    runScheduled: worker.runScheduled,
    /** Deletes what is in the database, and forgets earlier requests and log lines. */
    empty: () => empty(stack),

    [Symbol.asyncDispose]: stop,
  }
  return relay
}

/** A client of the relay at `url`. */
export function clientOf(url: string, key: string) {
  let id = 0
  const client = {
    fetch: (path: string, init?: RequestInit) => fetch(new URL(path, url), init),

    /** Posts to /mcp with the key, as a client of the legacy era unless `headers` change that. */
    async rpc(body: unknown, headers: Record<string, string> = {}): Promise<RpcResponse> {
      const response = await client.fetch('/mcp', {
        method: 'POST',
        headers: {
          authorization: `Bearer ${key}`,
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
          ...headers,
        },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      })
      const text = await response.text()
      return { status: response.status, headers: response.headers, body: parseJson(text) }
    },

    /** Calls a tool as a legacy client and returns the result in the lean shape. */
    call: (tool: string, args?: object): Promise<Json> =>
      call(tool, args, { 'mcp-protocol-version': LEGACY }),
    /** The same without a protocol version: the result has the shape of relay-mcp 0.1.0. */
    callFaithfully: (tool: string, args?: object): Promise<Json> => call(tool, args, {}),
  }

  async function call(tool: string, args: object = {}, headers: Record<string, string>) {
    id += 1
    const params = { name: tool, arguments: args }
    const request = { jsonrpc: '2.0', id, method: 'tools/call', params }
    const { status, body } = await client.rpc(request, headers)
    if (!body?.result) throw new Error(`${tool}: ${status} ${JSON.stringify(body)}`)
    return body.result
  }
  return client
}

export type RelayClient = ReturnType<typeof clientOf>
