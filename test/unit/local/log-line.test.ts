import { expect, test } from 'vitest'
import { formatLogLine } from '../../../scripts/local/workerd/log-line.ts'

const line = {
  time: '2026-11-22T10:18:21.000Z',
  event: 'request',
  outcome: 'ok',
  request_id: 'r1',
  client: 'claude-code',
  method: 'POST',
  path: '/mcp',
  era: 'legacy',
  rpc_method: 'tools/call',
  tool: 'relay_post_message',
  status: 200,
  duration_ms: 12,
  db_ms: 3,
}

/** Without the time, which is in the reader's own time zone. */
const said = (fields: object) => formatLogLine(JSON.stringify(fields)).slice(10)

test('a request is one line with its method, tool and outcome', () => {
  expect(said(line)).toBe('POST /mcp relay_post_message  200  ok  12 ms (database 3)  claude-code')
})

test('a refusal shows its code, and a failure also its reason and request id', () => {
  const refused = { ...line, outcome: 'refused', error_code: 'thread_not_found' }
  expect(said(refused)).toContain('refused thread_not_found  12 ms')
  const failed = { ...line, outcome: 'failed', error_code: 'internal', reason: 'TypeError' }
  expect(said(failed)).toMatch(/failed internal: TypeError {2}12 ms.* {2}r1$/)
})

test('a refused host is named, with the setting that decides', () => {
  const refused = { ...line, status: 421, outcome: 'refused', refused_host: 'nas.example' }
  expect(said(refused)).toContain('nas.example: set RELAY_PUBLIC_URL')
})

test('requests of healthy clients do not look like trouble', () => {
  const stream = { ...line, method: 'GET', status: 405, outcome: 'refused', tool: undefined }
  expect(said({ ...stream, rpc_method: undefined })).toBe(
    'GET /mcp  405  no event stream  12 ms (database 3)  claude-code',
  )
})

test.each(['TypeError: x is not a function', '{"half":', '{"other":1}'])(
  '%s is left unchanged',
  (text) => {
    expect(formatLogLine(text)).toBe(text)
  },
)

test('the name of a caller cannot break out of its line', () => {
  const evil = {
    ...line,
    client: 'x\n10:18:21  GET /health',
    tool: undefined,
    rpc_method: '\u001b[2J',
  }
  for (const character of ['\n', '\u001b']) expect(said(evil)).not.toContain(character)
})
