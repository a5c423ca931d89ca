/** JSON-RPC 2.0 as MCP uses it: message shapes, error codes and response builders. Leaf: zod only. */
import * as z from 'zod/mini'

/** A string or an integer, as MCP narrows JSON-RPC. An integer that a double cannot hold is refused. */
export type RequestId = string | number

const RequestIdSchema = z.union([z.string(), z.int()])

/** Reads the id of a request; undefined for one that cannot be echoed. */
export function readId(value: unknown): RequestId | undefined {
  const parsed = RequestIdSchema.safeParse(value)
  return parsed.success ? parsed.data : undefined
}

export type JsonObject = Record<string, unknown>

export interface JsonRpcRequest {
  id: RequestId
  method: string
  params: JsonObject
}

export interface JsonRpcNotification {
  jsonrpc: '2.0'
  method: string
  params: JsonObject
}

export interface JsonRpcResponse {
  jsonrpc: '2.0'
  id?: RequestId
  result?: JsonObject
  error?: { code: number; message: string; data?: JsonObject }
}

/**
 * JSON-RPC 2.0 section 5.1; then MCP's own: RESOURCE_NOT_FOUND up to 2025-11-25 only, the last two
 * since 2026-07-28.
 */
export const ErrorCode = {
  PARSE_ERROR: -32700,
  INVALID_REQUEST: -32600,
  METHOD_NOT_FOUND: -32601,
  INVALID_PARAMS: -32602,
  INTERNAL_ERROR: -32603,
  RESOURCE_NOT_FOUND: -32002,
  HEADER_MISMATCH: -32020,
  UNSUPPORTED_PROTOCOL_VERSION: -32022,
} as const

export type ProtocolFault = 'encoded' | 'too_large' | 'too_slow' | 'media_type' | 'envelope' | 'bug'

/** A request that is answered with a JSON-RPC error. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError'
  readonly code: number
  /** The fault, where the code does not say it and the HTTP status depends on it. */
  readonly reason: ProtocolFault | undefined
  readonly data: JsonObject | undefined

  constructor(
    code: number,
    message: string,
    options: { reason?: ProtocolFault; data?: JsonObject } = {},
  ) {
    super(message)
    this.code = code
    this.reason = options.reason
    this.data = options.data
  }
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function resultResponse(id: RequestId, result: JsonObject): JsonRpcResponse {
  return { jsonrpc: '2.0', id, result }
}

/** Without an id when none could be read: `null` is not among MCP's ids. */
export function errorResponse(id: RequestId | undefined, error: ProtocolError): JsonRpcResponse {
  const { code, message, data } = error
  return {
    jsonrpc: '2.0',
    ...(id !== undefined && { id }),
    error: { code, message, ...(data && { data }) },
  }
}
