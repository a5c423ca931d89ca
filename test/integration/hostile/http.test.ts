/** Requests that are odd as HTTP: methods, targets, hosts, lengths, headers, keys. */
import { test } from 'vitest'
import { createTestRelay } from '../../support/relay.ts'
import { expectOutcome, MODERN, type RawHeaders } from './raw.ts'

const PING = '{"jsonrpc":"2.0","id":1,"method":"ping"}'
const CHUNKED = { 'content-length': undefined, 'transfer-encoding': 'chunked' }
const JWT = 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4Iiwic2NvcGUiOiJtY3AifQ.'

test.each([
  ['PATCH', '405'],
  ['HEAD', '405'],
  ['TRACE', '405'],
  ['PROPFIND', '405'],
  ['SEARCH', '405'],
  ['QUERY', '405'],
  ['OPTIONS', '204'],
])('method %s is %s', async (method, expected) => {
  await using relay = await createTestRelay()
  await expectOutcome(relay, { method }, expected)
})

test.each([
  ['/mcp?x=%00', '200 result'],
  [`/mcp?${'a'.repeat(20_000)}`, '200 result'],
  ['/mcp?__proto__[x]=1', '200 result'],
  ['/./mcp', '200 result'],
  ['/x/%2e%2e/mcp', '200 result'],
  ['/mcp#/health', '200 result'],
  ['/mcp%2f', '404'],
  ['/%6dcp', '404'],
  ['/mcp;x', '404'],
  ['/mcp\\', '200 result'],
  ['/mcp%00', '404'],
  ['/mcp/../../etc/passwd', '404'],
  ['/%', '404'],
  ['/%ff', '404'],
  [`/${'a'.repeat(20_000)}`, '404'],
  ['/.env', '404'],
  ['/.git/config', '404'],
  ['/.well-known/../mcp', '200 result'],
  ['/health', '405'],
  ['*', '400'],
  ['/é', '400'],
  ['/mcp\0', '400'],
])('target %#', async (path, expected) => {
  await using relay = await createTestRelay()
  await expectOutcome(relay, { path, body: PING }, expected)
})

test.each<[string, RawHeaders, string]>([
  ['no Host', { host: undefined }, '400'],
  ['an empty Host', { host: '' }, '400'],
  ['two Hosts', { host: ['127.0.0.1', 'evil.example'] }, '400'],
  ['a Host with a space', { host: 'a b' }, '400'],
  ['a Host with a path', { host: '127.0.0.1/x' }, '404'],
  ['a foreign Host after a user name', { host: '127.0.0.1@evil.example' }, '421'],
  ['a Host in other digits', { host: '0x7f.1' }, '200 result'],
  ['a Host of another loopback', { host: '127.0.0.2' }, '421'],
  ['a Host with a dot at its end', { host: 'localhost.' }, '421'],
  ['a forwarded Host', { 'x-forwarded-host': 'evil.example' }, '200 result'],
  ['a media type twice', { 'content-type': ['application/json', 'text/plain'] }, '415 -32600'],
  [
    'a doubled media type',
    { 'content-type': ['application/json', 'application/json'] },
    '200 result',
  ],
  ['a compressed body', { 'content-encoding': 'gzip' }, '415 -32600'],
  ['a body that is not compressed', { 'content-encoding': 'identity' }, '200 result'],
  ['a media type with a suffix', { 'content-type': 'application/json+x' }, '415 -32600'],
  ['a form', { 'content-type': 'multipart/form-data; boundary=x' }, '415 -32600'],
  ['no media type', { 'content-type': undefined }, '415 -32600'],
  ['a charset that is not there', { 'content-type': 'application/json; charset=x' }, '200 result'],
  ['an Accept of HTML', { accept: 'text/html' }, '200 result'],
  ['an Accept of nonsense', { accept: ',;q=9,' }, '200 result'],
  ['a range', { range: 'bytes=0-1' }, '200 result'],
  ['a condition', { 'if-none-match': '*' }, '200 result'],
  ['another method in a header', { 'x-http-method-override': 'DELETE' }, '200 result'],
  ['a WebSocket', { connection: 'upgrade', upgrade: 'websocket' }, '200 result'],
  ['an invalid ray', { 'cf-ray': '"><script>' }, '200 result'],
  ['a client called by a control character', { 'user-agent': '\x01<script>' }, '200 result'],
  ['a session of long ago', { 'mcp-session-id': '../../x', 'last-event-id': '-1' }, '200 result'],
  ['a header of 100,000 bytes', { 'x-long': 'a'.repeat(100_000) }, '200 result'],
  ['1,000 headers', { 'x-many': Array<string>(1000).fill('a') }, '200 result'],
  ['bytes that are not ASCII', { 'x-bytes': '\xff\xfe' }, '200 result'],
  ['a header with U+0000', { 'x-nul': 'a\0b' }, '400'],
  ['a header with a bare CR', { 'x-cr': 'a\rb' }, '400'],
  ['a header on two lines', { 'x-fold': 'a\r\n b' }, '400'],
  ['a header name with a space', { 'x a': 'b' }, '400'],
  ['a space before the colon', { 'x-a ': 'b' }, '400'],
  ['a header without a name', { '': 'b' }, '400'],
  ['a negative length', { 'content-length': '-1' }, '400'],
  ['a length in words', { 'content-length': 'all' }, '400'],
  ['a length that cuts the body', { 'content-length': '10' }, '400 -32700'],
  ['no length', { 'content-length': undefined }, '400 -32700'],
  ['an unknown coding', { ...CHUNKED, 'transfer-encoding': 'gzip' }, '400'],
  ['chunks that are none', CHUNKED, '400 -32700'],
  ['two keys', { authorization: ['Bearer a', 'Bearer b'] }, '401'],
  ['a key of 20,000 bytes', { authorization: `Bearer ${'a'.repeat(20_000)}` }, '401'],
  ['a key that is not ASCII', { authorization: 'Bearer \xff\xfe' }, '401'],
  ['a key after a tab', { authorization: 'Bearer\tx' }, '401'],
  ['an unsigned token', { authorization: `Bearer ${JWT}` }, '401'],
  ['a token with a broken head', { authorization: 'Bearer e30.e30.' }, '401'],
  ['a token of dots', { authorization: 'Bearer ..' }, '401'],
  ['two Origins', { origin: ['http://localhost', 'https://evil.example'] }, '403'],
  ['an Origin with a path', { origin: 'http://localhost/x' }, '403'],
  ['an Origin with a user', { origin: 'http://localhost@evil.example' }, '403'],
  ['an Origin that is a script', { origin: 'javascript:alert(1)' }, '403'],
  ['an Origin that is a file', { origin: 'file://' }, '403'],
  ['an Origin in capitals', { origin: 'HTTP://LOCALHOST' }, '403'],
  ['an empty version', { 'mcp-protocol-version': '' }, '200 result'],
  ['a version twice', { 'mcp-protocol-version': ['2025-11-25', '2025-11-25'] }, '200 result'],
  ['two versions', { 'mcp-protocol-version': ['2025-11-25', '2025-06-18'] }, '400 -32600'],
  ['a version that is not ASCII', { 'mcp-protocol-version': '\xff' }, '400 -32602'],
  ['a modern version twice', { 'mcp-protocol-version': [MODERN, MODERN] }, '400 -32602'],
  ['a long version', { 'mcp-protocol-version': '1'.repeat(10_000) }, '400 -32600'],
  ['modern headers of a legacy request', { 'mcp-method': 'x', 'mcp-name': '=?x' }, '200 result'],
])('%s', async (_, headers, expected) => {
  await using relay = await createTestRelay()
  await expectOutcome(relay, { headers, body: PING }, expected)
})

test.each([
  ['one chunk', `28\r\n${PING}\r\n0\r\n\r\n`, '200 result'],
  ['an extension of a chunk', `28;x=y\r\n${PING}\r\n0\r\n\r\n`, '200 result'],
  ['a trailer', `28\r\n${PING}\r\n0\r\nx: y\r\n\r\n`, '200 result'],
  ['a chunk without a length', `zz\r\n${PING}\r\n0\r\n\r\n`, '400 -32700'],
  ['a chunk of negative length', `-1\r\n${PING}\r\n0\r\n\r\n`, '400 -32700'],
])('in chunks: %s', async (_, body, expected) => {
  await using relay = await createTestRelay()
  await expectOutcome(relay, { headers: CHUNKED, body }, expected)
})
