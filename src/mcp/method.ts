/** The shape of a method, and of its context and answer, in both eras. */
import type { RequestLog } from '../log.ts'
import type { ToolContext } from '../tools/tool.ts'
import {
  ErrorCode,
  type JsonObject,
  type JsonRpcNotification,
  type JsonRpcRequest,
  ProtocolError,
} from './jsonrpc.ts'

/** The context of a request, in addition to its parameters. */
export interface DispatchContext {
  tools: ToolContext
  log: RequestLog
}

/** A result, and for a method whose answer is a stream the notifications that go before it. */
export interface Reply {
  result: JsonObject
  notifications?: JsonRpcNotification[]
}

export type Method = (request: JsonRpcRequest, context: DispatchContext) => Reply | Promise<Reply>

/** The answer of a list that has one page. Throws ProtocolError for a cursor. */
export function onePage({ cursor }: JsonObject, result: JsonObject): Reply {
  // Clients send an empty cursor for the first page.
  if (cursor !== undefined && cursor !== null && cursor !== '') {
    throw new ProtocolError(ErrorCode.INVALID_PARAMS, 'Unknown cursor: the list has one page')
  }
  return { result }
}
