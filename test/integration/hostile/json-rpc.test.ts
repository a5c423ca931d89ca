/** Bodies that are odd as JSON, as JSON-RPC, or as a request of either era. */
import { test } from 'vitest'
import { createTestRelay } from '../../support/relay.ts'
import { expectOutcome, META, MODERN, modern, type RawRequest } from './raw.ts'

const PING = '{"jsonrpc":"2.0","id":1,"method":"ping"}'
const message = (rest: string) => `{"jsonrpc":"2.0","id":1,${rest}}`
const ping = (id: string) => `{"jsonrpc":"2.0","id":${id},"method":"ping"}`

test.each<[string, string | Uint8Array, string]>([
  ['a byte order mark', `\ufeff${PING}`, '200 result'],
  ['two byte order marks', `\ufeff\ufeff${PING}`, '400 -32700'],
  ['UTF-16', Buffer.from(PING, 'utf16le'), '400 -32700'],
  ['half a surrogate in bytes', Buffer.from('"\xed\xa0\x80"', 'latin1'), '400 -32700'],
  ['bytes beyond Unicode', Buffer.from('"\xf4\x90\x80\x80"', 'latin1'), '400 -32700'],
  ['a compressed body', Buffer.from('\x1f\x8b\x08\0\0', 'latin1'), '400 -32700'],
  ['NaN', message('"method":NaN'), '400 -32700'],
  ['single quotes', "{'jsonrpc':'2.0','id':1,'method':'ping'}", '400 -32700'],
  ['a comma at the end', message('"method":"ping",'), '400 -32700'],
  ['a comment', `/**/${PING}`, '400 -32700'],
  ['two messages', PING + PING, '400 -32700'],
  ['two lines', `${PING}\n${PING}`, '400 -32700'],
  ['a bare control character', message('"method":"pi\nng"'), '400 -32700'],
  ['U+0000 after the end', `${PING}\0`, '400 -32700'],
  ['a number with a zero in front', ping('01'), '400 -32700'],
  ['an invalid escape', message('"method":"\\x70ing"'), '400 -32700'],
  ['only spaces', ' '.repeat(100_000), '400 -32700'],
  ['100,000 open brackets', '['.repeat(100_000), '400 -32700'],
  ['100,000 open objects', '{"a":'.repeat(100_000), '400 -32700'],
  ['2,000,000 bytes', PING + ' '.repeat(2_000_000 - PING.length), '200 result'],
  ['keys twice: the last counts', `{"jsonrpc":"1","id":2,${PING.slice(1)}`, '200 result'],
  ['escaped keys', PING.replace('method', '\\u006dethod'), '200 result'],
  ['a message in __proto__', `{"__proto__":${PING}}`, '400 -32600'],
  ['an id in __proto__', '{"jsonrpc":"2.0","__proto__":{"id":1},"method":"ping"}', '202'],
  ['a version as a number', '{"jsonrpc":2.0,"id":1,"method":"ping"}', '400 -32600'],
  ['keys in capitals', '{"JSONRPC":"2.0","ID":1,"METHOD":"ping"}', '400 -32600'],
  ['an id beyond 2^53', ping('9007199254740992'), '400 -32600'],
  ['an infinite id', ping('1e400'), '400 -32600'],
  ['an id in an array', ping('[1]'), '400 -32600'],
  ['an id with an exponent', ping('1e2'), '200 result'],
  ['the id -0', ping('-0'), '200 result'],
  ['half a surrogate pair as id', ping('"\\ud800"'), '200 result'],
  ['an id of 100,000 characters', ping(`"${'x'.repeat(100_000)}"`), '200 result'],
  ['method null', message('"method":null'), '400 -32600'],
  ['an empty method', message('"method":""'), '200 -32601'],
  ['a method in capitals', message('"method":"PING"'), '200 -32601'],
  ['a method with a space', message('"method":"ping "'), '200 -32601'],
  ['method __proto__', message('"method":"__proto__"'), '200 -32601'],
  ['a method of 1,000,000 letters', message(`"method":"${'x'.repeat(1e6)}"`), '200 -32601'],
  ['half a surrogate as method', message('"method":"\\udfff"'), '200 -32601'],
  ['a script as method', message('"method":"<script>alert(1)</script>"'), '200 -32601'],
  ['a notification of ours', message('"method":"notifications/initialized"'), '200 -32601'],
  ['method null without an id', '{"jsonrpc":"2.0","method":null}', '400 -32600'],
  ['params null', message('"method":"ping","params":null'), '200 result'],
  ['params as text', message('"method":"ping","params":"x"'), '200 -32602'],
  ['_meta null', message('"method":"ping","params":{"_meta":null}'), '200 result'],
  ['_meta as an array', message('"method":"ping","params":{"_meta":[]}'), '200 result'],
  ['a result in addition to a method', message('"method":"ping","result":{}'), '200 result'],
  ['an error that is null', message('"error":null'), '202'],
  ['a batch in a batch', `[[${PING}]]`, '200'],
  ['a batch of rubbish', '[1,null,"x",{},[]]', '200'],
  ['a batch with one id twice', `[${PING},${PING}]`, '200'],
  ['a batch of 21', `[${Array(21).fill(PING)}]`, '400 -32600'],
  ['a batch of 300,000', `[${Array(300_000).fill(1)}]`, '400 -32600'],
  ['initialize in a batch', `[${message('"method":"initialize"')}]`, '400 -32600'],
  [
    'initialize of version 1',
    message('"method":"initialize","params":{"protocolVersion":1}'),
    '200 -32602',
  ],
  ['a cursor', message('"method":"tools/list","params":{"cursor":{"a":1}}'), '200 -32602'],
  ['a tool without a name', message('"method":"tools/call","params":{"name":1}'), '200 -32602'],
  ['tool __proto__', message('"method":"tools/call","params":{"name":"__proto__"}'), '200 -32602'],
])('%s', async (_, body, expected) => {
  await using relay = await createTestRelay()
  await expectOutcome(relay, { body }, expected)
})

test.each([
  ['a client without a name', { protocolVersion: '2025-11-25', clientInfo: { name: null } }],
  ['a client called \\0', { protocolVersion: '2025-11-25', clientInfo: { name: '\0\n\ud800' } }],
  ['a client with a long name', { protocolVersion: 'x', clientInfo: { name: 'x'.repeat(1e5) } }],
  ['a version of long ago', { protocolVersion: "' or 1=1 --", capabilities: null }],
  ['a version to come', { protocolVersion: MODERN, capabilities: { a: { b: [] } } }],
])('initialize from %s is answered', async (_, params) => {
  await using relay = await createTestRelay()
  const body = { jsonrpc: '2.0', id: 1, method: 'initialize', params }
  await expectOutcome(relay, { body: JSON.stringify(body) }, '200 result')
})

const withHeaders = (request: RawRequest, headers: RawRequest['headers']) => ({
  ...request,
  headers: { ...request.headers, ...headers },
})
const LIST = modern('tools/list')
const CALL = modern('tools/call', { name: 'relay_list_threads', arguments: {} })
const VERSION_KEY = 'io.modelcontextprotocol/protocolVersion'

test.each<[string, RawRequest, string]>([
  ['the method header twice', withHeaders(LIST, { 'mcp-method': ['a', 'b'] }), '400 -32020'],
  ['an empty method header', withHeaders(LIST, { 'mcp-method': '' }), '400 -32020'],
  ['spaces around the method', withHeaders(LIST, { 'mcp-method': ' tools/list\t' }), '200 result'],
  ['an encoded method', withHeaders(LIST, { 'mcp-method': '=?base64?eA==?=' }), '400 -32020'],
  ['a name that is not base64', withHeaders(CALL, { 'mcp-name': '=?base64?%?=' }), '400 -32020'],
  ['a name that is not UTF-8', withHeaders(CALL, { 'mcp-name': '=?base64?/w==?=' }), '400 -32020'],
  ['an encoded nothing', withHeaders(CALL, { 'mcp-name': '=?base64??=' }), '400 -32020'],
  ['an encoding cut off', withHeaders(CALL, { 'mcp-name': '=?base64?eA==' }), '400 -32020'],
  ['a name that is not ASCII', withHeaders(CALL, { 'mcp-name': '\xff' }), '400 -32020'],
  ['a name as a number', modern('tools/call', { name: 1 }), '400 -32020'],
  [
    'arguments as text',
    modern('tools/call', { name: 'relay_list_threads', arguments: 'x' }),
    '200 -32602',
  ],
  ['_meta null', modern('tools/list', { _meta: null }), '400 -32602'],
  ['_meta as text', modern('tools/list', { _meta: 'x' }), '400 -32602'],
  ['version null', modern('tools/list', { _meta: { ...META, [VERSION_KEY]: null } }), '400 -32602'],
  [
    'version __proto__',
    modern('tools/list', { _meta: { ...META, [VERSION_KEY]: '__proto__' } }),
    '400 -32020',
  ],
  [
    'a client of no name',
    modern('tools/list', { _meta: { ...META, 'io.modelcontextprotocol/clientInfo': 7 } }),
    '200 result',
  ],
  ['a batch', { ...LIST, body: `[${LIST.body}]` }, '400 -32600'],
  ['method constructor', modern('constructor'), '404 -32601'],
  ['an empty method', modern(''), '400 -32020'],
  [
    'resources/subscribe to a file',
    modern('resources/subscribe', { uri: 'file:///etc/passwd' }),
    '404 -32601',
  ],
  ['a subscription to text', modern('subscriptions/listen', { notifications: 'x' }), '200 -32602'],
  ['a discovery with parameters', modern('server/discover', { x: { __proto__: 1 } }), '200 result'],
])('modern: %s', async (_, request, expected) => {
  await using relay = await createTestRelay()
  await expectOutcome(relay, request, expected)
})
