import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { INSTRUCTIONS } from '../../../src/context/instructions.ts'
import type { ProtocolError } from '../../../src/mcp/jsonrpc.ts'
import { checkEnvelope, eraOf, isLean, VERSION } from '../../../src/mcp/protocol.ts'

const META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
}

const headers = (name?: string) =>
  new Headers({
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': 'tools/call',
    ...(name !== undefined && { 'mcp-name': name }),
  })

const check = (toolName: string, header: string | undefined) => {
  try {
    checkEnvelope('tools/call', { _meta: META, name: toolName }, headers(header))
    return 'ok'
  } catch (error) {
    return (error as ProtocolError).code
  }
}

test.each([
  ['modern', '2026-07-28', true],
  ['legacy', '2025-11-25', true],
  ['legacy', '2025-06-18', true],
  ['legacy', '2025-03-26', false],
  ['legacy', '2024-11-05', false],
  ['legacy', null, false],
] as const)(
  'a %s request of version %s is answered in the lean shape: %s',
  (era, version, lean) => {
    expect(isLean(era, version)).toBe(lean)
  },
)

test.each([
  ['as it is', 'relay', 'relay', 'ok'],
  ['in other letters', 'relay', 'Relay', -32020],
  ['missing', 'relay', undefined, -32020],
  ['in base64', 'ü', '=?base64?w7w=?=', 'ok'],
  ['in base64 without its padding', 'ü', '=?base64?w7w?=', -32020],
  ['in base64 with stray bits', 'ü', '=?base64?w7x=?=', -32020],
  ['in base64 with foreign characters', 'ü', '=?base64?w7w=\u0020?=', -32020],
  ['in base64 that is not UTF-8', 'ü', '=?base64?/w==?=', -32020],
  ['in a marker of other letters', 'ü', '=?BASE64?w7w=?=', -32020],
])('Mcp-Name %s', (_, name, header, expected) => {
  expect(check(name, header)).toBe(expected)
})

test.each([
  ['an envelope', { _meta: META }, null, 'modern'],
  [
    'an envelope of a legacy version',
    { _meta: { ...META, 'io.modelcontextprotocol/protocolVersion': '2025-11-25' } },
    null,
    'modern',
  ],
  ['a modern header', {}, '2026-07-28', 'modern'],
  ['a header of a version to come', {}, '2027-01-01', 'modern'],
  ['a legacy header', {}, '2025-11-25', 'legacy'],
  ['nothing', undefined, null, 'legacy'],
  ['only a progress token', { _meta: { progressToken: 1 } }, null, 'legacy'],
])('%s makes a request %s', (_, params, header, era) => {
  expect(eraOf('tools/list', params, header)).toBe(era)
})

test('the version is the same wherever it is written', () => {
  const read = (file: string) => JSON.parse(readFileSync(file, 'utf8')).version
  expect([read('package.json'), read('server.json')]).toEqual([VERSION, VERSION])
})

test('the instructions fit the part that clients show', () => {
  expect(new TextEncoder().encode(INSTRUCTIONS).byteLength).toBeLessThan(2048)
})
