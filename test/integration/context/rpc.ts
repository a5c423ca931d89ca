/** One request in either era, as these tests send it. */
import type { RpcResponse, TestRelay } from '../../support/relay.ts'

export const ERAS = ['legacy', 'modern'] as const
export type Era = (typeof ERAS)[number]

const META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
}

/** Sends a request with the envelope and the headers of its era. */
export function request(
  relay: TestRelay,
  era: Era,
  method: string,
  params: Record<string, unknown> = {},
): Promise<RpcResponse> {
  const message = { jsonrpc: '2.0', id: 1, method }
  if (era === 'legacy') {
    return relay.rpc({ ...message, params }, { 'mcp-protocol-version': '2025-11-25' })
  }
  const name = params.name ?? params.uri
  return relay.rpc(
    { ...message, params: { _meta: META, ...params } },
    {
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': method,
      ...(typeof name === 'string' && {
        'mcp-name': `=?base64?${Buffer.from(name).toString('base64')}?=`,
      }),
    },
  )
}

export const post = (
  relay: TestRelay,
  thread_name: string,
  content = 'Hello.',
  more: object = {},
): Promise<unknown> =>
  relay.call('relay_post_message', { thread_name, content, surface: 'code', ...more })
