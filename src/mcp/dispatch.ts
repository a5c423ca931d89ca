/** One method table for each protocol era. Knows no HTTP. */
import { APP_CAPABILITIES } from '../context/app.ts'
import { complete } from '../context/completion.ts'
import { INSTRUCTIONS } from '../context/instructions.ts'
import { getPrompt, promptDefinitions } from '../context/prompts.ts'
import { listResources, RESOURCE_TEMPLATES, readResource } from '../context/resources.ts'
import { getSkill, listSkills, SKILLS_CAPABILITIES } from '../context/skills.ts'
import { RelayError } from '../errors.ts'
import { EVENT_METHODS } from '../events/methods.ts'
import { EVENTS_CAPABILITIES } from '../events/protocol.ts'
import type { RequestLog } from '../log.ts'
import type { ToolContext } from '../tools/tool.ts'
import {
  ErrorCode,
  isObject,
  type JsonObject,
  type JsonRpcRequest,
  ProtocolError,
} from './jsonrpc.ts'
import { type DispatchContext, type Method, onePage, type Reply } from './method.ts'
import {
  CAPABILITIES,
  type Era,
  LEGACY_VERSIONS,
  MODERN_VERSIONS,
  modernResult,
  SERVER_INFO,
  SUBSCRIPTION_ID_KEY,
} from './protocol.ts'
import { callTool, listTools } from './tool-methods.ts'

/** Resources, prompts and completion, which are the same in both eras. */
const CONTEXT_METHODS: [string, Method][] = [
  ['resources/list', toMethod(listResources)],
  [
    'resources/templates/list',
    ({ params }) => onePage(params, { resourceTemplates: RESOURCE_TEMPLATES }),
  ],
  ['resources/read', toMethod(readResource)],
  [
    'skills/list',
    async ({ params }, { tools }) => onePage(params, { skills: await listSkills(tools) }),
  ],
  ['skills/get', toMethod(getSkill)],
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
  const { tools } = context
  const events = tools.events.config.events ? EVENT_METHODS : undefined
  const method = METHODS[era].get(request.method) ?? events?.get(request.method)
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

function capabilities({ tools: { app, events, readAsset } }: DispatchContext): JsonObject {
  const parts = [
    app ? APP_CAPABILITIES : undefined,
    events.config.events ? EVENTS_CAPABILITIES : undefined,
    readAsset ? SKILLS_CAPABILITIES : undefined,
  ]
  const extensions = Object.assign({}, ...parts.map((part) => part?.extensions))
  const hasAny = parts.some((part) => part !== undefined)
  return Object.assign({}, CAPABILITIES, ...parts, hasAny && { extensions })
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
