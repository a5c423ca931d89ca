/** The classification of a body and its headers, before anything is run. */
import { expect, test } from 'vitest'
import { classify } from '../../../src/mcp/classify.ts'

const MODERN = '2026-07-28'
const META = {
  'io.modelcontextprotocol/protocolVersion': MODERN,
  'io.modelcontextprotocol/clientCapabilities': {},
}

type HeaderValues = Record<string, string>

const request = (method: string, params?: unknown) => ({ jsonrpc: '2.0', id: 1, method, params })
const version = (value: string): HeaderValues => ({ 'mcp-protocol-version': value })
const modern = (method: string, name?: string): HeaderValues => ({
  'mcp-protocol-version': MODERN,
  'mcp-method': method,
  ...(name !== undefined && { 'mcp-name': name }),
})

/** The kind; of a request also its era and shape, of a rejection its code, id and reason. */
function summarize(body: unknown, headers: HeaderValues = {}): string {
  const message = classify(body, new Headers(headers))
  switch (message.kind) {
    case 'request':
      return `${message.era} request, ${message.isLean ? 'lean' : 'faithful'}`
    case 'rejection': {
      const { code, reason } = message.error
      return ['rejection', code, message.id ?? 'no id', reason].filter(Boolean).join(' ')
    }
    case 'batch':
      return `batch of ${message.messages.map(({ kind }) => kind).join(', ')}`
    default:
      return message.kind
  }
}

const tools = (meta: object) => request('tools/list', { _meta: { ...META, ...meta } })
const VERSION_KEY = 'io.modelcontextprotocol/protocolVersion'

test.each<[string, unknown, HeaderValues, string]>([
  ['no version header', request('ping'), {}, 'legacy request, faithful'],
  ['2024-11-05', request('ping'), version('2024-11-05'), 'legacy request, faithful'],
  ['2025-03-26', request('ping'), version('2025-03-26'), 'legacy request, faithful'],
  ['2025-06-18', request('ping'), version('2025-06-18'), 'legacy request, lean'],
  ['2025-11-25', request('ping'), version('2025-11-25'), 'legacy request, lean'],
  ['the modern envelope', tools({}), modern('tools/list'), 'modern request, lean'],
  ['an empty version', request('ping'), version(''), 'legacy request, faithful'],
  ['a version of spaces', request('ping'), version(' '), 'legacy request, faithful'],
  ['a doubled version', request('ping'), version('2025-11-25, 2025-11-25'), 'legacy request, lean'],
  ['two versions', request('ping'), version('2025-11-25, 2025-06-18'), 'rejection -32600 1'],
  ['an unknown version', request('ping'), version('2025-01-01'), 'rejection -32600 1'],
  [
    'doubled modern headers',
    tools({}),
    { 'mcp-protocol-version': `${MODERN}, ${MODERN}`, 'mcp-method': 'tools/list,tools/list' },
    'modern request, lean',
  ],
  [
    'initialize with an unknown version header',
    request('initialize'),
    version('1900-01-01'),
    'legacy request, faithful',
  ],
  [
    'initialize with a modern version header',
    request('initialize', { protocolVersion: '2025-11-25' }),
    version(MODERN),
    'legacy request, faithful',
  ],
  [
    'initialize in the modern envelope',
    request('initialize', { _meta: META }),
    modern('initialize'),
    'modern request, lean',
  ],
  ['params null', request('ping', null), {}, 'legacy request, faithful'],
  ['params []', request('ping', []), {}, 'legacy request, faithful'],
  ['params as a list', request('ping', [1]), {}, 'rejection -32602 1'],
  ['params as text', request('ping', 'x'), {}, 'rejection -32602 1'],
  [
    'a modern header without an envelope',
    request('tools/list'),
    modern('tools/list'),
    'rejection -32602 1 envelope',
  ],
  [
    'an envelope with a number for a version',
    tools({ [VERSION_KEY]: 1 }),
    modern('tools/list'),
    'rejection -32602 1 envelope',
  ],
  ['an envelope without headers', tools({}), {}, 'rejection -32020 1'],
  ['another method in the header', tools({}), modern('tools/call'), 'rejection -32020 1'],
  [
    'a version of the future',
    tools({ [VERSION_KEY]: '2099-01-01' }),
    version('2099-01-01'),
    'rejection -32022 1',
  ],
  [
    'a tool name with a comma',
    request('tools/call', { _meta: META, name: 'a, a' }),
    modern('tools/call', 'a, a'),
    'modern request, lean',
  ],
  [
    'a doubled tool name',
    request('tools/call', { _meta: META, name: 'a' }),
    modern('tools/call', 'a, a'),
    'modern request, lean',
  ],
  ['a notification', { jsonrpc: '2.0', method: 'x' }, {}, 'notification'],
  [
    'a notification with params []',
    { jsonrpc: '2.0', method: 'x', params: [] },
    {},
    'notification',
  ],
  ['a response', { jsonrpc: '2.0', id: 1, result: {} }, {}, 'response'],
  [
    'a modern response',
    { jsonrpc: '2.0', id: 1, result: {} },
    version(MODERN),
    'rejection -32600 no id',
  ],
  ['id null', { jsonrpc: '2.0', id: null, method: 'ping' }, {}, 'rejection -32600 no id'],
  ['half an id', { jsonrpc: '2.0', id: 1.5, method: 'ping' }, {}, 'rejection -32600 no id'],
  ['no method', { jsonrpc: '2.0', id: 1 }, {}, 'rejection -32600 1'],
  ['no JSON-RPC', { id: 1, method: 'ping' }, {}, 'rejection -32600 no id'],
  ['text', 'ping', {}, 'rejection -32600 no id'],
  ['null', null, {}, 'rejection -32600 no id'],
  ['an empty batch', [], {}, 'rejection -32600 no id'],
  [
    'a batch',
    [request('ping'), { jsonrpc: '2.0', method: 'x' }, 7, { jsonrpc: '2.0', id: 1, result: {} }],
    {},
    'batch of request, notification, rejection, response',
  ],
  ['a batch of 21', Array(21).fill(request('ping')), {}, 'rejection -32600 no id'],
  ['a batch with an empty version', [request('ping')], version(''), 'batch of request'],
  [
    'a batch of a version without any',
    [request('ping')],
    version('2025-06-18'),
    'rejection -32600 no id',
  ],
  ['initialize in a batch', [request('initialize')], {}, 'rejection -32600 no id'],
  ['an envelope in a batch', [tools({})], {}, 'rejection -32600 no id'],
])('%s', (_, body, headers, expected) => {
  expect(summarize(body, headers)).toBe(expected)
})

test('messages of a batch are legacy and get the faithful shape', () => {
  const batch = classify([request('ping')], new Headers(version('2025-03-26')))
  expect(batch).toMatchObject({ messages: [{ era: 'legacy', isLean: false }] })
})
