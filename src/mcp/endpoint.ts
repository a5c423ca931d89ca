/**
 * The HTTP half of Streamable HTTP: what a POST must look like, which status an answer has, one
 * message or a batch, JSON or a stream. What a method does is dispatch's business.
 */
import { isJson, json, readBody } from '../http.ts'
import { allows, type Scope } from '../scopes.ts'
import { type DispatchContext, dispatch, scopeOf } from './dispatch.ts'
import {
  ErrorCode,
  errorResponse,
  isObject,
  type JsonObject,
  type JsonRpcRequest,
  type JsonRpcResponse,
  ProtocolError,
  type RequestId,
  readId,
  resultResponse,
} from './jsonrpc.ts'
import {
  ASSUMED_VERSION,
  checkEnvelope,
  clientName,
  type Era,
  eraOf,
  hasEnvelope,
  isLean,
  isModernVersion,
  LEGACY_VERSIONS,
} from './protocol.ts'

/** Messages in a batch: what fits the 50 requests that a Worker may make, each call retried once. */
const MAX_BATCH = 20

/** What the endpoint needs of whoever authenticated the caller. */
export interface EndpointContext extends DispatchContext {
  /** What the caller may do. */
  scope: Scope
  /** The answer to a call that needs a wider scope: an HTTP challenge, before anything is run. */
  refuseScope(): Response
}

/** Answers a request to the MCP endpoint from an authenticated caller. */
export async function handleMcp(request: Request, context: EndpointContext): Promise<Response> {
  if (request.method !== 'POST') {
    return json({ error: 'method_not_allowed', message: 'POST JSON-RPC messages here.' }, 405, {
      allow: 'POST',
    })
  }
  try {
    const body = await readMessage(request)
    const messages = Array.isArray(body) ? body : [body]
    if (!messages.every((message) => allows(context.scope, scopeOf(message)))) {
      context.log.add({ error_code: 'insufficient_scope' })
      return context.refuseScope()
    }
    if (Array.isArray(body)) return await answerBatch(body, request.headers, context)
    return await answerMessage(body, request.headers, context)
  } catch (error) {
    return failure(undefined, error, context)
  }
}

/** The body as JSON: one message or an array of them. Throws ProtocolError. */
async function readMessage(request: Request): Promise<unknown> {
  if (!isJson(request)) {
    throw invalidRequest('The Content-Type must be application/json', 415)
  }
  const body = await readBody(request)
  if (!body.ok && body.fault === 'too_large') {
    throw invalidRequest('The body is larger than 2 MB', 413)
  }
  try {
    if (body.ok) return JSON.parse(body.text)
  } catch {}
  throw new ProtocolError(ErrorCode.PARSE_ERROR, 'The body is not JSON in UTF-8', { status: 400 })
}

async function answerMessage(
  message: unknown,
  headers: Headers,
  context: DispatchContext,
): Promise<Response> {
  const versionHeader = headers.get('mcp-protocol-version')
  if (!isMessage(message)) throw invalidRequest('Not a JSON-RPC 2.0 message')
  if (isResponse(message)) {
    // A server without requests of its own has nothing that could be answered.
    if (isModernVersion(versionHeader)) throw invalidRequest('Responses cannot be posted')
    return accepted()
  }
  if (!('id' in message)) {
    if (typeof message.method !== 'string') throw invalidRequest('method must be a string')
    context.log.add({ rpc_method: message.method })
    return accepted()
  }

  const id = readId(message.id)
  try {
    if (id === undefined) throw invalidRequest('id must be a string or an integer')
    const era = eraOf(message.params, versionHeader)
    context.log.add({ era })
    const request = readRequest(id, message, era)
    const client = clientName(request.method, request.params)
    context.log.add({ rpc_method: request.method, ...(client !== undefined && { client }) })

    if (era === 'modern') checkEnvelope(request.method, request.params, headers)
    else checkLegacyVersion(versionHeader)

    const { result, notifications } = await dispatch(era, request, {
      ...context,
      tools: { ...context.tools, isLean: isLean(era, versionHeader) },
    })
    const response = resultResponse(id, result)
    return notifications ? eventStream([...notifications, response]) : json(response)
  } catch (error) {
    return failure(id, error, context)
  }
}

/** MCP 2025-03-26 alone has batches. A notification in one is dropped, like everywhere. */
async function answerBatch(
  messages: unknown[],
  headers: Headers,
  context: DispatchContext,
): Promise<Response> {
  const version = headers.get('mcp-protocol-version') ?? ASSUMED_VERSION
  if (version !== ASSUMED_VERSION) {
    throw invalidRequest(`Protocol version ${version.slice(0, 40)} has no batches`)
  }
  if (messages.length === 0 || messages.length > MAX_BATCH) {
    throw invalidRequest(`A batch holds 1 to ${MAX_BATCH} messages`)
  }
  for (const message of messages) {
    if (isObject(message) && (message.method === 'initialize' || hasEnvelope(message.params))) {
      throw invalidRequest('A batch cannot hold initialize or a request with its own version')
    }
  }

  const batch = { ...context, tools: { ...context.tools, isBatch: true } }
  const responses: JsonRpcResponse[] = []
  for (const message of messages) {
    const response = await answerBatched(message, batch)
    if (response) responses.push(response)
  }
  return responses.length > 0 ? json(responses) : accepted()
}

async function answerBatched(
  message: unknown,
  context: DispatchContext,
): Promise<JsonRpcResponse | undefined> {
  let id: RequestId | undefined
  try {
    if (!isMessage(message)) throw invalidRequest('Not a JSON-RPC 2.0 message')
    if (isResponse(message) || !('id' in message)) return undefined
    id = readId(message.id)
    if (id === undefined) throw invalidRequest('id must be a string or an integer')
    const request = readRequest(id, message, 'legacy')
    context.log.add({ era: 'legacy', rpc_method: request.method })
    return resultResponse(id, (await dispatch('legacy', request, context)).result)
  } catch (error) {
    return errorResponse(id, protocolError(error, context))
  }
}

function isMessage(value: unknown): value is JsonObject {
  return isObject(value) && value.jsonrpc === '2.0'
}

function isResponse(message: JsonObject): boolean {
  return !('method' in message) && ('result' in message || 'error' in message)
}

function readRequest(id: RequestId, message: JsonObject, era: Era): JsonRpcRequest {
  const { method, params = {} } = message
  if (typeof method !== 'string') throw invalidRequest('method must be a string')
  if (!isObject(params)) {
    throw new ProtocolError(ErrorCode.INVALID_PARAMS, 'params must be an object', {
      status: era === 'modern' ? 400 : 200,
    })
  }
  return { id, method, params }
}

/** An absent header is a client of 2025-03-26, or one that forgets it: both are served. */
function checkLegacyVersion(version: string | null): void {
  if (version !== null && !LEGACY_VERSIONS.includes(version)) {
    throw invalidRequest(`Protocol version ${version.slice(0, 40)} is not supported`)
  }
}

function invalidRequest(message: string, status = 400): ProtocolError {
  return new ProtocolError(ErrorCode.INVALID_REQUEST, message, { status })
}

function failure(id: RequestId | undefined, error: unknown, context: DispatchContext): Response {
  const answer = protocolError(error, context)
  return json(errorResponse(id, answer), answer.status)
}

/** Anything but a ProtocolError is a bug: the log has it whole, the caller learns nothing of it. */
function protocolError(error: unknown, { log }: DispatchContext): ProtocolError {
  if (error instanceof ProtocolError) {
    // A fault of the database has been logged for what it is.
    if (error.code !== ErrorCode.INTERNAL_ERROR) {
      log.add({ outcome: 'refused', error_code: String(error.code) })
    }
    return error
  }
  log.add({
    outcome: 'failed',
    error_code: String(ErrorCode.INTERNAL_ERROR),
    reason: error instanceof Error ? `${error.message} ${error.stack}` : String(error),
  })
  return new ProtocolError(ErrorCode.INTERNAL_ERROR, `Internal error (request ${log.requestId})`, {
    status: 500,
  })
}

function accepted(): Response {
  return new Response(null, { status: 202 })
}

/** Server-sent events that are all there already: one message each, then the end. */
function eventStream(messages: object[]): Response {
  const events = messages.map((message) => `event: message\ndata: ${JSON.stringify(message)}\n\n`)
  return new Response(events.join(''), {
    headers: {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    },
  })
}
