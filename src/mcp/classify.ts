/**
 * Classifies a POST: a request, a notification, a response, a batch, or something to reject. Pure:
 * it reads the parsed body and the headers, and decides without running anything. Which status a
 * rejection travels under is endpoint.ts's decision; what a method does is dispatch.ts's.
 */
import {
  ErrorCode,
  isObject,
  type JsonObject,
  type JsonRpcRequest,
  ProtocolError,
  type RequestId,
  readId,
} from './jsonrpc.ts'
import {
  ASSUMED_VERSION,
  checkEnvelope,
  type Era,
  eraOf,
  hasEnvelope,
  isLean,
  isModernVersion,
  LEGACY_VERSIONS,
  readHeader,
} from './protocol.ts'

export type Message =
  | { kind: 'request'; era: Era; isLean: boolean; request: JsonRpcRequest }
  | { kind: 'notification'; method: string; params: JsonObject }
  /** A server that sends no requests has nothing to be answered: dropped. */
  | { kind: 'response' }
  | { kind: 'rejection'; id: RequestId | undefined; era: Era; error: ProtocolError }

export type Classified = Message | { kind: 'batch'; messages: Message[] }

/** Messages in a batch, to fit the 50 requests that a Worker may make, each call retried once. */
const MAX_BATCH = 20

/** Classifies the parsed body of a POST. Never throws. */
export function classify(body: unknown, headers: Headers): Classified {
  if (!Array.isArray(body)) return classifyMessage(body, headers, false)
  const fault = batchFault(body, readHeader(headers, 'mcp-protocol-version'))
  if (fault !== undefined) return reject(undefined, 'legacy', invalidRequest(fault))
  const messages = body.map((message) => classifyMessage(message, headers, true))
  return { kind: 'batch', messages }
}

/** Only MCP 2025-03-26 has batches, and a message with its own version has no place in one. */
function batchFault(messages: unknown[], version: string | null): string | undefined {
  if ((version ?? ASSUMED_VERSION) !== ASSUMED_VERSION) {
    return `Protocol version ${version?.slice(0, 40).toWellFormed()} does not support batches`
  }
  if (messages.length === 0 || messages.length > MAX_BATCH) {
    return `A batch holds 1 to ${MAX_BATCH} messages`
  }
  const hasOwnVersion = messages.some(
    (message) =>
      isObject(message) && (message.method === 'initialize' || hasEnvelope(message.params)),
  )
  return hasOwnVersion
    ? 'A batch cannot hold initialize or a request with its own version'
    : undefined
}

function classifyMessage(message: unknown, headers: Headers, isBatched: boolean): Message {
  const version = isBatched ? ASSUMED_VERSION : readHeader(headers, 'mcp-protocol-version')
  let id: RequestId | undefined
  let era: Era = 'legacy'
  try {
    if (!isObject(message) || message.jsonrpc !== '2.0') {
      throw invalidRequest('Not a JSON-RPC 2.0 message')
    }
    const { method } = message
    if (method === undefined && ('result' in message || 'error' in message)) {
      if (isModernVersion(version)) throw invalidRequest('Responses cannot be posted')
      return { kind: 'response' }
    }
    if ('id' in message) {
      id = readId(message.id)
      if (id === undefined) throw invalidRequest('id must be a string or an integer')
      era = eraOf(method, message.params, version)
    }
    if (typeof method !== 'string') throw invalidRequest('method must be a string')
    if (id === undefined) {
      return {
        kind: 'notification',
        method,
        params: isObject(message.params) ? message.params : {},
      }
    }
    const request = { id, method, params: readParams(message.params, era) }
    if (era === 'modern') checkEnvelope(method, request.params, headers)
    else if (method !== 'initialize') checkLegacyVersion(version)
    return { kind: 'request', era, isLean: !isBatched && isLean(era, version), request }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error
    return reject(id, era, error)
  }
}

/** Clients send `null` and `[]` for no parameters. Throws ProtocolError. */
function readParams(params: unknown, era: Era): JsonObject {
  if (params === undefined || params === null) return {}
  if (Array.isArray(params) && params.length === 0) return {}
  if (isObject(params)) return params
  const options = era === 'modern' ? ({ reason: 'envelope' } as const) : {}
  throw new ProtocolError(ErrorCode.INVALID_PARAMS, 'params must be an object', options)
}

/** An absent header is a client of 2025-03-26, or one that forgets it: both are served. */
function checkLegacyVersion(version: string | null): void {
  if (version !== null && !LEGACY_VERSIONS.includes(version)) {
    throw invalidRequest(`Protocol version ${version.slice(0, 40)} is not supported`)
  }
}

function invalidRequest(message: string): ProtocolError {
  return new ProtocolError(ErrorCode.INVALID_REQUEST, message)
}

function reject(id: RequestId | undefined, era: Era, error: ProtocolError): Message {
  return { kind: 'rejection', id, era, error }
}
