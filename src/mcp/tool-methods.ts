/** tools/list and tools/call, and the scope that a call needs. */
import { APP_TOOL, APP_TOOL_META } from '../context/app.ts'
import { RelayError } from '../errors.ts'
import { allows, type Scope } from '../scopes.ts'
import { quote, resembling } from '../similar.ts'
import { TOOLS } from '../tools/index.ts'
import type { Tool } from '../tools/tool.ts'
import {
  ErrorCode,
  isObject,
  type JsonObject,
  type JsonRpcRequest,
  ProtocolError,
} from './jsonrpc.ts'
import { type DispatchContext, onePage, type Reply } from './method.ts'

/** Methods that make data leave the relay. */
const SENDING = new Set(['events/subscribe', 'events/unsubscribe'])

/** The scope that a request needs: more than to read for tools that change content, and for receivers. */
export function scopeOf({ method, params: { name } }: Omit<JsonRpcRequest, 'id'>): Scope {
  if (SENDING.has(method)) return 'mcp'
  if (method !== 'tools/call') return 'mcp:read'
  const tool = TOOLS.find((candidate) => candidate.name === name)
  return tool ? scopeOfTool(tool) : 'mcp:read'
}

function scopeOfTool({ isReadOnly }: Tool): Scope {
  return isReadOnly ? 'mcp:read' : 'mcp'
}

/** Without tools that the caller may not use: a client would ask for consent again at each attempt. */
export function listTools(
  { params }: JsonRpcRequest,
  { tools: { app, caller } }: DispatchContext,
): Reply {
  const usable = TOOLS.filter((tool) => allows(caller.scope, scopeOfTool(tool)))
  const definitions = usable.map((tool) => tool.definition())
  if (!app) return onePage(params, { tools: definitions })
  const tools = definitions.map((each) =>
    each.name === APP_TOOL
      ? { ...each, _meta: { ...(each._meta as JsonObject), ...APP_TOOL_META } }
      : each,
  )
  return onePage(params, { tools })
}

/** Clients send `null`, `""` and `[]` for no arguments, and objects as JSON text. Throws ProtocolError. */
function readArguments(value: unknown): JsonObject {
  if (isObject(value)) return value
  if (!value || (Array.isArray(value) && value.length === 0)) return {}
  try {
    const parsed: unknown = typeof value === 'string' && JSON.parse(value)
    if (isObject(parsed)) return parsed
  } catch {}
  throw new ProtocolError(ErrorCode.INVALID_PARAMS, 'arguments must be an object')
}

/** tools/call: a refusal is a result that its model can read. Throws ProtocolError. */
export async function callTool(
  { params }: JsonRpcRequest,
  context: DispatchContext,
): Promise<Reply> {
  const { name } = params
  if (typeof name !== 'string') {
    throw new ProtocolError(ErrorCode.INVALID_PARAMS, 'name must be a string')
  }
  const args = readArguments(params.arguments)
  const tool = TOOLS.find((candidate) => candidate.name === name)
  if (!tool) {
    const names = TOOLS.map((candidate) => candidate.name)
    const [nearest] = resembling(name, names, 1)
    const suggestion = nearest ? `Did you mean ${nearest}?` : `The tools are ${names.join(', ')}.`
    throw new ProtocolError(
      ErrorCode.INVALID_PARAMS,
      `Unknown tool: ${quote(name.slice(0, 100))}. ${suggestion}`,
    )
  }

  context.log.add({ tool: name })
  try {
    return { result: await tool.call(args, context.tools) }
  } catch (error) {
    if (!(error instanceof RelayError)) throw error
    context.log.addError(error)
    const content = [{ type: 'text', text: error.message }]
    // For programs: a refusal is for its caller to correct, a fault may pass in a moment.
    const _meta = { error_code: error.code, outcome: error.outcome }
    return { result: { content, isError: true, _meta } }
  }
}
