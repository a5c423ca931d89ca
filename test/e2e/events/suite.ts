/**
 * A client as the official suite is one: MCP 2026-07-28, and it does not declare the extension. The tests that
 * use it are the suite's checks of events, named with its ids without their prefix `sep-9999-`.
 */
import type { RelayClient } from '../../support/relay.ts'

// biome-ignore lint/suspicious/noExplicitAny: tests state what they expect by asserting it.
export type Json = any

export const INVALID_PARAMS = -32602
export const NOT_FOUND = -32011
export const CALLBACK_ENDPOINT_ERROR = -32015

export const NAME = 'message.posted'
export const TIME = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/

/** The calls of a client, of which each returns the result or the error. */
export function suiteOf(relay: RelayClient, token?: string, capabilities: object = {}) {
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientCapabilities': capabilities,
  }
  const ask = async (method: string, params: object = {}): Promise<Json> => {
    const { body } = await relay.rpc(
      { jsonrpc: '2.0', id: 1, method, params: { ...params, _meta } },
      {
        'mcp-protocol-version': '2026-07-28',
        'mcp-method': method,
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      },
    )
    return body.result ?? body.error
  }
  const delivery = (url: string, secret?: string) => ({ mode: 'webhook', url, secret })
  return {
    ask,
    poll: (params: object) => ask('events/poll', { name: NAME, arguments: {}, ...params }),
    subscribe: (url: string, secret?: string, params: object = {}) =>
      ask('events/subscribe', {
        name: NAME,
        arguments: {},
        cursor: null,
        delivery: delivery(url, secret),
        ...params,
      }),
    unsubscribe: (url: string) =>
      ask('events/unsubscribe', { name: NAME, arguments: {}, delivery: delivery(url) }),
  }
}
