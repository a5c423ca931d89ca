/**
 * A client for the relay's six tools: MCP 2026-07-28, one request and one JSON answer per call. manage.ts
 * shares its way of sending.
 */
import { Fault } from './fault.ts'
import { authorization, refresh } from './sign-in.ts'
import type { News, Posted, Reading, ThreadList } from './types.ts'

const VERSION = '2026-07-28'
const PREFIX = 'io.modelcontextprotocol'

/** Milliseconds for an answer, in addition to the call's own wait. */
const TIME_LIMIT = 15_000

/** Milliseconds that this machine's clock is behind the relay's; 0 until the relay has said. */
let clockDifference = 0

/** The time at the relay, in milliseconds. */
export function relayNow(): number {
  return Date.now() + clockDifference
}

interface Tools {
  relay_list_threads: ThreadList
  relay_read_thread: Reading
  relay_check_new: News
  relay_post_message: Posted
  relay_create_thread: { name: string }
  relay_archive_thread: { archived: boolean }
}

/** Called at each request. */
let onRequest = () => {}

export function countRequests(listener: () => void): void {
  onRequest = listener
}

let lastId = 0

/**
 * Calls a tool and returns its structured content. `keepalive` is for a call that changes something: with true
 * it is made even if the page closes. Throws Fault, or the reason of an aborted `signal`.
 */
export async function callTool<Name extends keyof Tools>(
  name: Name,
  args: Record<string, unknown>,
  signal?: AbortSignal,
  keepalive?: boolean,
): Promise<Tools[Name]> {
  lastId += 1
  const headers = {
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': VERSION,
    'mcp-method': 'tools/call',
    'mcp-name': name,
  }
  const body = {
    jsonrpc: '2.0',
    id: lastId,
    method: 'tools/call',
    params: {
      _meta: {
        [`${PREFIX}/protocolVersion`]: VERSION,
        [`${PREFIX}/clientCapabilities`]: {},
        [`${PREFIX}/clientInfo`]: { name: 'relay-board', version: '1' },
      },
      name,
      arguments: args,
    },
  }
  const limit = TIME_LIMIT + 1000 * Number(args.wait_seconds ?? 0)
  return readResult(
    await send('/mcp', body, {
      headers,
      limit,
      ...(signal && { signal }),
      ...(keepalive !== undefined && { keepalive }),
    }),
  )
}

interface SendOptions {
  headers?: Record<string, string>
  /** Milliseconds for the answer. */
  limit?: number
  signal?: AbortSignal
  /** For a request that changes something: whether it is sent even if the page closes. */
  keepalive?: boolean
}

/** The requests that change something and have no answer yet: those for which `keepalive` is true or false. */
const unanswered = new Set<Promise<unknown>>()

/** Resolves once the relay has answered everything that must reach it. */
export async function allAnswered(): Promise<void> {
  while (unanswered.size > 0) {
    await Promise.allSettled(unanswered)
    // The next message of a thread is sent once the one before it was answered: in a later task.
    const { port1, port2 } = new MessageChannel()
    const isLater = new Promise((resolve) => port1.addEventListener('message', resolve))
    port1.start()
    port2.postMessage('')
    await isLater
  }
}

/**
 * Posts JSON with the sign-in, which is refreshed once if it is refused. Throws Fault, or the reason of an
 * aborted `signal`.
 */
export function send(path: string, body: object, options: SendOptions): Promise<Response> {
  const sent = sendSigned(path, body, options)
  if (options.keepalive !== undefined) {
    unanswered.add(sent)
    const done = () => unanswered.delete(sent)
    sent.then(done, done)
  }
  return sent
}

async function sendSigned(path: string, body: object, options: SendOptions): Promise<Response> {
  const used = authorization()
  let response = await post(path, body, used, options)
  if (response.status === 401) {
    await refresh(used)
    response = await post(path, body, authorization(), options)
    if (response.status === 401) {
      throw new Fault('signed_out', 'You were signed out.')
    }
  }
  // RFC 6750 section 3.1. Something in front of the relay may answer 403 as well.
  if (/insufficient_scope/.test(response.headers.get('www-authenticate') ?? '')) {
    throw new Fault('read_only', 'This sign-in may only read.')
  }
  return response
}

async function post(
  path: string,
  body: object,
  authorization: string,
  { headers, limit = TIME_LIMIT, signal, keepalive = false }: SendOptions,
): Promise<Response> {
  onRequest()
  const timeout = AbortSignal.timeout(limit)
  try {
    const response = await fetch(path, {
      method: 'POST',
      headers: { ...headers, authorization, 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      keepalive,
    })
    const date = Date.parse(response.headers.get('date') ?? '')
    // The header has whole seconds, so a smaller difference does not count.
    if (date) clockDifference = Math.abs(date - Date.now()) > 2000 ? date - Date.now() : 0
    return response
  } catch (error) {
    if (signal?.aborted) throw error
    throw new Fault('offline', 'The relay cannot be reached.')
  }
}

async function readResult<Result>(response: Response): Promise<Result> {
  let answer: {
    result?: {
      structuredContent?: Result
      isError?: boolean
      content?: { text: string }[]
      _meta?: { outcome?: string; error_code?: string }
    }
    error?: { message: string } | string
    message?: string
  }
  try {
    answer = await response.json()
  } catch (error) {
    if ((error as Error).name === 'TimeoutError') {
      throw new Fault('offline', 'The relay did not answer in time.')
    }
    throw new Fault('offline', `The relay returned an unreadable answer (${response.status}).`)
  }
  const { result, error } = answer
  if (result?.isError) {
    const { outcome, error_code } = result._meta ?? {}
    const message = result.content?.[0]?.text ?? 'The relay refused the call.'
    throw new Fault(outcome === 'failed' ? 'failed' : 'refused', message, error_code)
  }
  if (result?.structuredContent) return result.structuredContent
  const message = typeof error === 'object' ? error.message : answer.message
  throw new Fault('failed', message ?? `The relay answered with status ${response.status}.`)
}
