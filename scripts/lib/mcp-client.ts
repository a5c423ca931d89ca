/** A client that sends exact requests, in either protocol era, for checking the answers. */
import { parseJson } from './json.ts'

// biome-ignore lint/suspicious/noExplicitAny: callers check the answers themselves.
type Json = any

export interface Answer {
  status: number
  headers: Headers
  /** Parsed if it is JSON, otherwise the text. */
  body: Json
}

/** The fields of a CallToolResult that scripts read. */
export interface ToolResult {
  content: { type: string; text: string }[]
  structuredContent?: Json
  isError?: boolean
}

/** More than three calls to the database can take, each with a limit of 8 s. */
const TIME_LIMIT_MS = 30_000

/** The relay's own commands, which `npm run status` leaves out. */
export const CLIENT_INFO = { name: 'relay-mcp-scripts', version: '1' }

const MODERN_META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
  'io.modelcontextprotocol/clientInfo': CLIENT_INFO,
}

export class McpClient {
  readonly #origin: string
  readonly #key: string
  #id = 0

  constructor(origin: string, key: string) {
    this.#origin = origin
    this.#key = key
  }

  async fetch(path: string, init: RequestInit = {}): Promise<Answer> {
    const response = await fetch(this.#origin + path, {
      redirect: 'manual',
      signal: AbortSignal.timeout(TIME_LIMIT_MS),
      ...init,
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, body: parseJson(text) }
  }

  /** Posts a body to the MCP endpoint; omits headers that are undefined. */
  async post(body: unknown, headers: Record<string, string | undefined> = {}): Promise<Answer> {
    const all = {
      authorization: `Bearer ${this.#key}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'user-agent': CLIENT_INFO.name,
      ...headers,
    }
    const present = Object.entries(all).filter(([, value]) => value !== undefined)
    return this.fetch('/mcp', {
      method: 'POST',
      headers: Object.fromEntries(present) as Record<string, string>,
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })
  }

  /** Sends a request of the legacy era. */
  legacy(method: string, params?: object, headers?: Record<string, string | undefined>) {
    this.#id += 1
    return this.post({ jsonrpc: '2.0', id: this.#id, method, params }, headers)
  }

  /** Sends a request of the modern era, with its envelope and headers. */
  modern(method: string, params: { name?: string; uri?: string } & Record<string, unknown> = {}) {
    this.#id += 1
    return this.post(
      { jsonrpc: '2.0', id: this.#id, method, params: { _meta: MODERN_META, ...params } },
      {
        'mcp-protocol-version': '2026-07-28',
        'mcp-method': method,
        'mcp-name': params.name ?? params.uri,
      },
    )
  }

  /** Calls a tool. Throws if the answer is not a result. */
  async call(name: string, args: Record<string, unknown> = {}): Promise<ToolResult> {
    const { status, body } = await this.legacy('tools/call', { name, arguments: args })
    if (body?.result === undefined) throw new Error(`${name}: ${status} ${JSON.stringify(body)}`)
    return body.result
  }
}
