/**
 * MCP's revisions: which are served, which era a request belongs to, and what each answer says about
 * this server. The two lists never mix: a modern version is never negotiated by `initialize`.
 */
import { ErrorCode, isObject, type JsonObject, ProtocolError } from './jsonrpc.ts'

/** Versions that travel in each request's `_meta`. */
export const MODERN_VERSIONS = ['2026-07-28']

/** Versions that `initialize` negotiates, newest first. */
export const LEGACY_VERSIONS = ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05']

/** The version of a request without a version header, MCP 2025-06-18 and later. */
export const ASSUMED_VERSION = '2025-03-26'

export const VERSION = '0.2.0'

export const SERVER_INFO = { name: 'relay-mcp', title: 'Relay', version: VERSION }

export const CAPABILITIES = { tools: {}, resources: {}, prompts: {}, completions: {} }

/** Keys of `_meta`, MCP 2026-07-28. */
const PROTOCOL_VERSION_KEY = 'io.modelcontextprotocol/protocolVersion'
const CLIENT_CAPABILITIES_KEY = 'io.modelcontextprotocol/clientCapabilities'
const CLIENT_INFO_KEY = 'io.modelcontextprotocol/clientInfo'
const SERVER_INFO_KEY = 'io.modelcontextprotocol/serverInfo'
export const SUBSCRIPTION_ID_KEY = 'io.modelcontextprotocol/subscriptionId'

/** Legacy versions whose tool results have structured content, and so get the lean shape of answers. */
const LEAN_VERSIONS = ['2025-06-18', '2025-11-25']

/** Whether a request is answered in the lean shape rather than in that of relay-mcp 0.1.0. */
export function isLean(era: Era, versionHeader: string | null): boolean {
  return era === 'modern' || LEAN_VERSIONS.includes(versionHeader ?? ASSUMED_VERSION)
}

export type Era = 'modern' | 'legacy'

/**
 * The era of a request: modern by its envelope or by its header, else legacy. Only `initialize` is
 * judged without the header, since it negotiates by its body.
 */
export function eraOf(method: unknown, params: unknown, versionHeader: string | null): Era {
  if (hasEnvelope(params)) return 'modern'
  return method !== 'initialize' && isModernVersion(versionHeader) ? 'modern' : 'legacy'
}

/** A header as its sender meant it: one that a proxy doubled counts once, an empty one not at all. */
export function readHeader(headers: Headers, name: string): string | null {
  const value = headers.get(name)
  if (!value?.includes(',')) return value?.trim() || null
  const [first = '', ...others] = value.split(',').map((part) => part.trim())
  return others.every((part) => part === first) ? first || null : value
}

/** Revisions are dates, so comparing tells the header of a future one from an old one. */
export function isModernVersion(version: string | null): boolean {
  return version !== null && version >= '2026-07-28'
}

/** Whether a request carries the modern envelope. */
export function hasEnvelope(params: unknown): boolean {
  return isObject(params) && isObject(params._meta) && PROTOCOL_VERSION_KEY in params._meta
}

/** Checks a modern request's envelope: present, in agreement with the headers, of a served version. */
export function checkEnvelope(method: string, params: JsonObject, headers: Headers): void {
  const meta = isObject(params._meta) ? params._meta : {}
  const version = meta[PROTOCOL_VERSION_KEY]
  const missing = [
    ...(typeof version === 'string' ? [] : [PROTOCOL_VERSION_KEY]),
    ...(isObject(meta[CLIENT_CAPABILITIES_KEY]) ? [] : [CLIENT_CAPABILITIES_KEY]),
  ]
  if (missing.length > 0) {
    throw new ProtocolError(
      ErrorCode.INVALID_PARAMS,
      `params._meta lacks ${missing.join(' and ')}`,
      { reason: 'envelope', data: { missing } },
    )
  }

  requireHeader(headers, 'MCP-Protocol-Version', version as string)
  if (!MODERN_VERSIONS.includes(version as string)) {
    throw new ProtocolError(
      ErrorCode.UNSUPPORTED_PROTOCOL_VERSION,
      `Protocol version ${String(version).slice(0, 40).toWellFormed()} is not supported`,
      { data: { supported: MODERN_VERSIONS, requested: version } },
    )
  }

  requireHeader(headers, 'Mcp-Method', method)
  const nameParameter = NAME_PARAMETERS.get(method)
  if (nameParameter) requireHeader(headers, 'Mcp-Name', params[nameParameter])
}

/** Which parameter the Mcp-Name header repeats, by method. */
const NAME_PARAMETERS = new Map([
  ['tools/call', 'name'],
  ['prompts/get', 'name'],
  ['resources/read', 'uri'],
])

function requireHeader(headers: Headers, name: string, expected: unknown): void {
  // As it came too: a name may itself look like a doubled header.
  const value = readHeader(headers, name)
  if (value !== null && value === expected && !value.startsWith('=?')) return
  const spellings = value === null ? [] : [value, headers.get(name) as string]
  const decode = name === 'Mcp-Name' ? decodeHeaderValue : (spelling: string) => spelling
  if (spellings.map(decode).includes(expected as string)) return
  throw new ProtocolError(
    ErrorCode.HEADER_MISMATCH,
    value === null ? `The ${name} header is missing` : `The ${name} header differs from the body`,
  )
}

/**
 * Decodes `=?base64?…?=`, by which a header carries text beyond ASCII; null when it is malformed.
 * Only canonical base64 counts: atob() by itself would accept two spellings of one name.
 */
function decodeHeaderValue(value: string): string | null {
  const [, encoded] = /^=\?base64\?(.*)\?=$/.exec(value) ?? []
  if (encoded === undefined) return value
  try {
    const binary = atob(encoded)
    if (btoa(binary) !== encoded) return null
    const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0))
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return null
  }
}

/** The client's name, for the log: it is unverified and decides nothing. */
export function clientName(method: string, params: JsonObject): string | undefined {
  const meta = isObject(params._meta) ? params._meta : {}
  const info = method === 'initialize' ? params.clientInfo : meta[CLIENT_INFO_KEY]
  return isObject(info) && typeof info.name === 'string' ? info.name : undefined
}

/** One hour in milliseconds, so that a new version of the relay is noticed soon. */
const SAME_FOR_ALL = { ttlMs: 3_600_000, cacheScope: 'public' }

/** The list of tools depends on what the caller may do. */
const OWN = { ...SAME_FOR_ALL, cacheScope: 'private' }

/** The content of a thread is out of date with the next post. */
const OWN_AND_FRESH = { ttlMs: 0, cacheScope: 'private' }

/** How long results may be cached and by whom, for the methods that must say so, MCP 2026-07-28. */
const CACHE_HINTS = new Map([
  ['server/discover', SAME_FOR_ALL],
  ['tools/list', OWN],
  ['events/list', SAME_FOR_ALL],
  ['skills/list', SAME_FOR_ALL],
  ['skills/get', SAME_FOR_ALL],
  ['prompts/list', SAME_FOR_ALL],
  ['resources/templates/list', SAME_FOR_ALL],
  ['resources/list', OWN_AND_FRESH],
  ['resources/read', OWN_AND_FRESH],
])

/** Adds the fields that only modern results have; old clients parse an empty result strictly. */
export function modernResult(method: string, result: JsonObject): JsonObject {
  return {
    resultType: 'complete',
    ...result,
    ...CACHE_HINTS.get(method),
    _meta: { ...(result._meta as JsonObject | undefined), [SERVER_INFO_KEY]: SERVER_INFO },
  }
}
