/** One method table for each protocol era, and tools/call. Knows no HTTP. */
import { APP_CAPABILITIES, APP_TOOL, APP_TOOL_META } from '../context/app.ts'
import { complete } from '../context/completion.ts'
import { INSTRUCTIONS } from '../context/instructions.ts'
import { getPrompt, promptDefinitions } from '../context/prompts.ts'
import { listResources, RESOURCE_TEMPLATES, readResource } from '../context/resources.ts'
import { RelayError } from '../errors.ts'
import type { RequestLog } from '../log.ts'
import { allows, type Scope } from '../scopes.ts'
import { quote, resembling } from '../similar.ts'
import { TOOLS } from '../tools/index.ts'
import type { Tool, ToolContext } from '../tools/tool.ts'
import {
  ErrorCode,
  isObject,
  type JsonObject,
  type JsonRpcNotification,
  type JsonRpcRequest,
  ProtocolError,
} from './jsonrpc.ts'
import {
  CAPABILITIES,
  type Era,
  LEGACY_VERSIONS,
  MODERN_VERSIONS,
  modernResult,
  SERVER_INFO,
  SUBSCRIPTION_ID_KEY,
} from './protocol.ts'

/** The context of a request, in addition to its parameters. */
export interface DispatchContext {
  tools: ToolContext
  log: RequestLog
}

/** The scope that a request needs: only tools that change content need more than to read. */
export function scopeOf({ method, params: { name } }: Omit<JsonRpcRequest, 'id'>): Scope {
  if (method !== 'tools/call') return 'mcp:read'
  const tool = TOOLS.find((candidate) => candidate.name === name)
  return tool ? scopeOfTool(tool) : 'mcp:read'
}

function scopeOfTool({ isReadOnly }: Tool): Scope {
  return isReadOnly ? 'mcp:read' : 'mcp'
}

/** A result, and for a method whose answer is a stream the notifications that go before it. */
export interface Reply {
  result: JsonObject
  notifications?: JsonRpcNotification[]
}

type Method = (request: JsonRpcRequest, context: DispatchContext) => Reply | Promise<Reply>

/** Resources, prompts and completion, which are the same in both eras. */
const CONTEXT_METHODS: [string, Method][] = [
  ['resources/list', toMethod(listResources)],
  [
    'resources/templates/list',
    ({ params }) => onePage(params, { resourceTemplates: RESOURCE_TEMPLATES }),
  ],
  ['resources/read', toMethod(readResource)],
  ['prompts/list', ({ params }) => onePage(params, { prompts: promptDefinitions() })],
  ['prompts/get', toMethod(getPrompt)],
  ['completion/complete', toMethod(complete)],
]

const METHODS: Record<Era, ReadonlyMap<string, Method>> = {
  modern: new Map<string, Method>([
    ['server/discover', discover],
    ['subscriptions/listen', listen],
    ['tools/list', listTools],
    ['tools/call', callTool],
    ...CONTEXT_METHODS,
  ]),
  legacy: new Map<string, Method>([
    ['initialize', initialize],
    ['ping', () => ({ result: {} })],
    ['tools/list', listTools],
    ['tools/call', callTool],
    ...CONTEXT_METHODS,
  ]),
}

/** Answers one request. Throws ProtocolError. */
export async function dispatch(
  era: Era,
  request: JsonRpcRequest,
  context: DispatchContext,
): Promise<Reply> {
  const method = METHODS[era].get(request.method)
  if (!method) {
    throw new ProtocolError(
      ErrorCode.METHOD_NOT_FOUND,
      `Method not found: ${request.method.slice(0, 100).toWellFormed()}`,
    )
  }
  try {
    const reply = await method(request, context)
    if (era === 'legacy') return reply
    return { ...reply, result: modernResult(request.method, reply.result) }
  } catch (error) {
    if (!(error instanceof RelayError)) throw error
    context.log.addError(error)
    throw protocolErrorOf(error, era, request)
  }
}

/** Makes a method of a function of src/context, which knows neither eras nor envelopes. */
function toMethod(
  answer: (
    params: JsonObject,
    context: ToolContext,
    log: RequestLog,
  ) => JsonObject | Promise<JsonObject>,
): Method {
  return async ({ params }, { tools, log }) => ({ result: await answer(params, tools, log) })
}

/** A refusal or a fault outside a tool call, whose result would tell it to the model. */
function protocolErrorOf(error: RelayError, era: Era, { params }: JsonRpcRequest): ProtocolError {
  const { code, outcome, message } = error
  if (outcome === 'failed') return new ProtocolError(ErrorCode.INTERNAL_ERROR, message)
  if (!code.endsWith('_not_found')) return new ProtocolError(ErrorCode.INVALID_PARAMS, message)
  return new ProtocolError(
    era === 'modern' ? ErrorCode.INVALID_PARAMS : ErrorCode.RESOURCE_NOT_FOUND,
    message,
    { data: { uri: params.uri } },
  )
}

function discover(_request: JsonRpcRequest, context: DispatchContext): Reply {
  return {
    result: {
      supportedVersions: MODERN_VERSIONS,
      capabilities: capabilities(context),
      instructions: INSTRUCTIONS,
    },
  }
}

function capabilities({ tools: { app } }: DispatchContext): JsonObject {
  return app ? { ...CAPABILITIES, ...APP_CAPABILITIES } : CAPABILITIES
}

function initialize({ params }: JsonRpcRequest, context: DispatchContext): Reply {
  const requested = params.protocolVersion
  if (typeof requested !== 'string') {
    throw new ProtocolError(ErrorCode.INVALID_PARAMS, 'protocolVersion must be a string')
  }
  return {
    result: {
      protocolVersion: LEGACY_VERSIONS.includes(requested) ? requested : LEGACY_VERSIONS[0],
      capabilities: capabilities(context),
      serverInfo: SERVER_INFO,
      instructions: INSTRUCTIONS,
    },
  }
}

/**
 * The server has nothing to announce, so it honours no kind of notification and ends the
 * subscription at once, which a client takes for a graceful end.
 */
function listen({ id, params }: JsonRpcRequest): Reply {
  if (!isObject(params.notifications)) {
    throw new ProtocolError(ErrorCode.INVALID_PARAMS, 'notifications must be an object')
  }
  const subscription = { [SUBSCRIPTION_ID_KEY]: id }
  return {
    notifications: [
      {
        jsonrpc: '2.0',
        method: 'notifications/subscriptions/acknowledged',
        params: { notifications: {}, _meta: subscription },
      },
    ],
    result: { _meta: subscription },
  }
}

/** Without tools that the caller may not use: a client would ask for consent again at each attempt. */
function listTools({ params }: JsonRpcRequest, { tools: { app, caller } }: DispatchContext): Reply {
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

function onePage({ cursor }: JsonObject, result: JsonObject): Reply {
  // Clients send an empty cursor for the first page.
  if (cursor !== undefined && cursor !== null && cursor !== '') {
    throw new ProtocolError(ErrorCode.INVALID_PARAMS, 'Unknown cursor: the list has one page')
  }
  return { result }
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

async function callTool({ params }: JsonRpcRequest, context: DispatchContext): Promise<Reply> {
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
