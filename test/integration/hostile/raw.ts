/** Requests as bytes, some of which no HTTP library would send, and the text that must not be in any answer. */
import { connect } from 'node:net'
import { expect } from 'vitest'
import type { TestRelay } from '../../support/relay.ts'

export const MODERN = '2026-07-28'
export const META = {
  'io.modelcontextprotocol/protocolVersion': MODERN,
  'io.modelcontextprotocol/clientCapabilities': {},
}

/** Undefined leaves a header out, an array sends it as often as it is long. */
export type RawHeaders = Record<string, string | string[] | undefined>

export interface RawRequest {
  method?: string
  path?: string
  headers?: RawHeaders
  body?: string | Uint8Array
  /** Instead of all that stands before the body: the request line, the headers and the empty line. */
  head?: string
}

export interface Answer {
  /** 0 when the connection was closed without an answer. */
  status: number
  type: string
  text: string
}

/** Nothing that is sent takes longer; a request left waiting is a fault of its own. */
const DEADLINE_MS = 20_000

/** Sends one request on a connection of its own: a valid one, except for the arguments. */
export function send(relay: TestRelay, request: RawRequest): Promise<Answer> {
  const { host, hostname, port } = new URL(relay.url)
  const body = Buffer.from(request.body ?? '')
  const headers: RawHeaders = {
    host,
    authorization: `Bearer ${relay.key}`,
    'content-type': 'application/json',
    'content-length': String(body.byteLength),
    connection: 'close',
    ...request.headers,
  }
  const lines = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : [value].flat().map((one) => `${name}: ${one}\r\n`),
  )
  const { method = 'POST', path = '/mcp' } = request
  const head = request.head ?? `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port) })
    const chunks: Buffer[] = []
    const finish = () => {
      socket.destroy()
      resolve(parse(Buffer.concat(chunks).toString('utf8')))
    }
    socket.setTimeout(DEADLINE_MS, () => {
      socket.destroy()
      reject(new Error(`No answer to ${head.slice(0, 200)}`))
    })
    socket.on('data', (chunk) => {
      chunks.push(chunk)
      if (isWhole(Buffer.concat(chunks))) finish()
    })
    socket.on('end', finish)
    // A server that has answered may close before it has read everything.
    socket.on('error', finish)
    socket.write(Buffer.concat([Buffer.from(head, 'latin1'), body]))
  })
}

/** Whether the answer is there to its end, as far as it says where that is. */
function isWhole(bytes: Buffer): boolean {
  const end = bytes.indexOf('\r\n\r\n')
  if (end < 0) return false
  const head = bytes.subarray(0, end).toString('latin1')
  const [, length] = /^content-length: *(\d+)/im.exec(head) ?? []
  return length !== undefined && bytes.byteLength >= end + 4 + Number(length)
}

function parse(raw: string): Answer {
  const [, status = '0', head = '', rest = ''] =
    /^HTTP\/1\.[01] (\d{3})([\s\S]*?)\r\n\r\n([\s\S]*)$/.exec(raw) ?? []
  const [, type = ''] = /^content-type: *(.*)$/im.exec(head) ?? []
  // No answer here is so long that its chunks matter, but their lengths are not part of it.
  const isChunked = /^transfer-encoding: *chunked/im.test(head)
  const text = isChunked ? rest.replaceAll(/(^|\r\n)[0-9a-f]+\r\n/gi, '').trimEnd() : rest
  return { status: Number(status), type, text }
}

/** A name as a header carries it: what is not plain ASCII in base64. */
function headerOf(name: unknown): string | undefined {
  if (typeof name !== 'string') return undefined
  return /^[!-~]+$/.test(name) ? name : `=?base64?${Buffer.from(name).toString('base64')}?=`
}

/** Posts to /mcp as a client of the modern era would. */
export const modern = (method: string, params: Record<string, unknown> = {}): RawRequest => ({
  headers: {
    'mcp-protocol-version': MODERN,
    'mcp-method': method,
    'mcp-name': headerOf(params.name ?? params.uri),
  },
  body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { _meta: META, ...params } }),
})

/** A tool call of the legacy era; the arguments are JSON already, so that they can be anything. */
export const toolCall = (tool: string, args: string): RawRequest => ({
  body: `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"${tool}","arguments":${args}}}`,
})

/** The answer in a word: its status and, if there is one, the code, `result` or `isError`. */
export function outcome({ status, type, text }: Answer): string {
  if (!type.startsWith('application/json') || text === '') return String(status)
  const body = JSON.parse(text)
  if (body.error?.code !== undefined) return `${status} ${body.error.code}`
  if (body.result?.isError) return `${status} isError`
  return body.result ? `${status} result` : String(status)
}

const INTERNALS = [
  /SQLSTATE|PL\/pgSQL|syntax error|invalid input|violates|relation "|out of range for type/i,
  /PGRST|\bpg_|postgres|relay_(threads|messages|read_cursors|latest_names|page_threads|complete_name|search)\b/i,
  /\n\s*at |\.[cm]?[jt]s:\d+|TypeError|RangeError|ZodError|node_modules|workerd/,
  /The database (reported|gave|did not|cannot)/,
]

/** The codes that the two eras of MCP leave to a server; -32603 would be a bug. */
const CODES = [-32700, -32600, -32601, -32602, -32002, -32020, -32022]

/** The answer of workerd's HTTP parser to malformed requests. */
const PARSER = /^(Bad Request|invalid URI|invalid [\w -]+ parsed)$/

/** Rules for the answer to any request. */
export function expectHarmless(answer: Answer, relay: TestRelay, sent = ''): void {
  const { status, type, text } = answer
  const about = `${sent}\n${status} ${type}\n${text.slice(0, 2000)}`
  expect(status, about).toBeGreaterThanOrEqual(200)
  expect(status, about).toBeLessThan(500)
  expect(text, about).not.toContain(relay.key)
  for (const internal of INTERNALS) expect(text, about).not.toMatch(internal)
  if (text === '' || type.startsWith('text/event-stream')) return
  if (PARSER.test(text)) return
  expect(type, about).toMatch(/^application\/json\b/)
  const body = JSON.parse(text)
  for (const { error } of [body].flat()) {
    if (typeof error !== 'object') continue
    expect(CODES, about).toContain(error.code)
  }
}

/** Sends a request: it has that outcome, is harmless, and no fault of the relay's is logged. */
export async function expectOutcome(relay: TestRelay, request: RawRequest, expected: string) {
  const seen = relay.logs.length
  const answer = await send(relay, request)
  expectHarmless(answer, relay)
  expect(outcome(answer), answer.text.slice(0, 2000)).toBe(expected)
  if (!PARSER.test(answer.text)) {
    await expect.poll(() => relay.logs.length, { interval: 2 }).toBeGreaterThan(seen)
  }
  expectNoFault(relay)
}

/** The relay has logged requests, and no fault of its own in any of them. */
export function expectNoFault(relay: TestRelay): void {
  for (const line of relay.logs) {
    expect(line, JSON.stringify(line)).toMatchObject({ event: 'request' })
    expect(line, JSON.stringify(line)).not.toMatchObject({ outcome: 'failed' })
  }
}
