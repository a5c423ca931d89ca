/**
 * The HTTP half of Streamable HTTP: how a POST is read, which status an answer has, JSON or a stream.
 * classify.ts decides what a body is, and dispatch.ts what a method does.
 */

import { RevokedError } from '../errors.ts'
import { BODY_SENTENCES, BODY_STATUSES, eventStream, isJson, json, readBody } from '../http.ts'
import type { RequestLog } from '../log.ts'
import { allows } from '../scopes.ts'
import { MAX_MESSAGE_BYTES } from '../tools/budget.ts'
import type { OngoingCall, ToolServices } from '../tools/tool.ts'
import { cancel, runCancellable } from './cancellation.ts'
import { classify, type Message } from './classify.ts'
import { dispatch } from './dispatch.ts'
import {
  ErrorCode,
  errorResponse,
  type JsonRpcNotification,
  type JsonRpcResponse,
  ProtocolError,
  resultResponse,
} from './jsonrpc.ts'
import { clientName, type Era } from './protocol.ts'
import { scopeOf } from './tool-methods.ts'

/** 2 MB: a message of 100,000 four-byte characters, escaped, in a batch of a few. */
const MAX_BODY_BYTES = 2_000_000

/** The endpoint receives this from the code that authenticated the caller. */
export interface EndpointContext {
  log: RequestLog
  services: ToolServices
  /** The answer to a call that needs a wider scope: an HTTP challenge, before anything is run. */
  refuseScope(): Response
  /** The answer to a caller whose connection was cut off. */
  refuseToken(): Response
}

/** Shared by the messages of one HTTP request. */
interface Exchange extends EndpointContext {
  /** The HTTP request, which is over when its client goes away. */
  call: OngoingCall
  /**
   * Who may cancel the requests in it. Two sessions of one person often use the same key and the same ids;
   * their programs may differ.
   */
  sender: string
  budget: { bytes: number }
  isBatch: boolean
}

/** Answers a request to the MCP endpoint from an authenticated caller. */
export async function handleMcp(request: Request, context: EndpointContext): Promise<Response> {
  if (request.method !== 'POST') return methodNotAllowed()
  try {
    const message = classify(await readJson(request), request.headers)
    const isBatch = message.kind === 'batch'
    const messages = isBatch ? message.messages : [message]
    const { gid, scope } = context.services.caller
    const isAllowed = (each: Message) => {
      if (each.kind === 'request') return allows(scope, scopeOf(each.request))
      // It would not be run, but its sender must not believe that it was.
      return each.kind !== 'notification' || allows(scope, scopeOf(each))
    }
    if (!messages.every(isAllowed)) {
      context.log.add({ error_code: 'insufficient_scope' })
      return context.refuseScope()
    }

    const exchange: Exchange = {
      ...context,
      call: { signal: () => request.signal, isOver: () => request.signal.aborted },
      sender: `${gid} ${request.headers.get('user-agent')?.slice(0, 100)}`,
      budget: { bytes: MAX_MESSAGE_BYTES },
      isBatch,
    }
    if (isBatch) return await answerBatch(messages, exchange)
    const answer = await answerMessage(message, exchange)
    if (!answer) return acknowledge()
    const { notifications, response, status } = answer
    return notifications ? eventStream([...notifications, response]) : json(response, status)
  } catch (error) {
    if (error instanceof RevokedError) return context.refuseToken()
    const failure = toProtocolError(error, context.log)
    return json(errorResponse(undefined, failure), statusOf(failure, 'legacy'))
  }
}

/** A streaming client must see 405 on a GET: after a 200 without a stream it reconnects forever. */
export function methodNotAllowed(): Response {
  return json({ error: 'method_not_allowed', message: 'POST JSON-RPC messages here.' }, 405, {
    allow: 'POST',
  })
}

/** The body as JSON. Throws ProtocolError. */
async function readJson(request: Request): Promise<unknown> {
  if (!isJson(request)) {
    const message = 'The Content-Type must be application/json'
    throw new ProtocolError(ErrorCode.INVALID_REQUEST, message, { reason: 'media_type' })
  }
  const body = await readBody(request, MAX_BODY_BYTES)
  if (!body.ok && body.fault !== 'unreadable') {
    const message = BODY_SENTENCES[body.fault]
    throw new ProtocolError(ErrorCode.INVALID_REQUEST, message, { reason: body.fault })
  }
  try {
    if (body.ok) return JSON.parse(body.text)
  } catch {}
  throw new ProtocolError(ErrorCode.PARSE_ERROR, 'The body is not JSON in UTF-8')
}

interface Answer {
  response: JsonRpcResponse
  status: number
  notifications?: JsonRpcNotification[] | undefined
}

/**
 * Runs a message; undefined for one that has no answer. Throws only RevokedError, and in a batch not even
 * that: what ran before it took place, and its sender must learn of it.
 */
async function answerMessage(message: Message, exchange: Exchange): Promise<Answer | undefined> {
  const { log, services, sender, budget, isBatch } = exchange
  switch (message.kind) {
    case 'response':
      return undefined
    case 'notification':
      log.add({ rpc_method: message.method })
      if (message.method === 'notifications/cancelled') cancel(sender, message.params)
      return undefined
    case 'rejection': {
      const error = toProtocolError(message.error, log)
      const status = statusOf(error, message.era)
      return { response: errorResponse(message.id, error), status }
    }
    case 'request': {
      const { era, isLean, request } = message
      const client = clientName(request.method, request.params)
      log.add({ era, rpc_method: request.method, ...(client !== undefined && { client }) })
      try {
        const run = (call: OngoingCall) =>
          dispatch(era, request, { log, tools: { ...services, call, budget, isBatch, isLean } })
        const { result, notifications } = await runCancellable(
          sender,
          request.id,
          exchange.call,
          run,
        )
        return { response: resultResponse(request.id, result), status: 200, notifications }
      } catch (thrown) {
        if (thrown instanceof RevokedError && !isBatch) throw thrown
        const error = toProtocolError(thrown, log)
        return { response: errorResponse(request.id, error), status: statusOf(error, era) }
      }
    }
  }
}

/** Runs the messages of a batch in order, under one budget. */
async function answerBatch(messages: Message[], exchange: Exchange): Promise<Response> {
  const responses: JsonRpcResponse[] = []
  for (const message of messages) {
    const answer = await answerMessage(message, exchange)
    if (answer) responses.push(answer.response)
  }
  return responses.length > 0 ? json(responses) : acknowledge()
}

const REASON_STATUSES = {
  ...BODY_STATUSES,
  media_type: 415,
  envelope: 400,
  bug: 500,
} as const

/** The HTTP status that a JSON-RPC error travels under. */
function statusOf({ code, reason }: ProtocolError, era: Era): number {
  if (reason) return REASON_STATUSES[reason]
  switch (code) {
    case ErrorCode.PARSE_ERROR:
    case ErrorCode.INVALID_REQUEST:
    case ErrorCode.HEADER_MISMATCH:
    case ErrorCode.UNSUPPORTED_PROTOCOL_VERSION:
      return 400
    case ErrorCode.METHOD_NOT_FOUND:
      // To a legacy client 404 would mean that its session is gone.
      return era === 'modern' ? 404 : 200
    default:
      return 200
  }
}

/** Of an item of a batch. */
const REVOKED_SENTENCE = 'This connection was cut off: connect again.'

/** Anything but a ProtocolError is a bug: the log has it whole, the caller learns nothing of it. */
function toProtocolError(error: unknown, log: RequestLog): ProtocolError {
  if (error instanceof ProtocolError) {
    // A fault of the database has already been logged.
    if (error.code !== ErrorCode.INTERNAL_ERROR) {
      log.add({ outcome: 'refused', error_code: String(error.code) })
    }
    return error
  }
  if (error instanceof RevokedError) {
    log.add({ outcome: 'refused', error_code: 'invalid_token' })
    return new ProtocolError(ErrorCode.INVALID_REQUEST, REVOKED_SENTENCE)
  }
  log.add({
    outcome: 'failed',
    error_code: String(ErrorCode.INTERNAL_ERROR),
    reason: error instanceof Error ? `${error.message} ${error.stack}` : String(error),
  })
  const message = `Internal error (request ${log.requestId})`
  return new ProtocolError(ErrorCode.INTERNAL_ERROR, message, { reason: 'bug' })
}

/** The answer to a message that has none: received, nothing to say. */
function acknowledge(): Response {
  return new Response(null, { status: 202 })
}
