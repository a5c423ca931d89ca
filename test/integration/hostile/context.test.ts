/** Resources, prompts and completion with odd addresses, names, types or sizes. */
import { test } from 'vitest'
import { createTestRelay } from '../../support/relay.ts'
import { expectOutcome, modern } from './raw.ts'

const SERVED = '200 result'
const REFUSED = '200 -32602'
const NOT_FOUND = '200 -32002'
const MISMATCH = '400 -32020'

const legacy = (method: string, params: string) => ({
  body: `{"jsonrpc":"2.0","id":1,"method":"${method}","params":${params}}`,
})

async function expectLegacy(method: string, params: string, expected: string) {
  await using relay = await createTestRelay()
  await relay.call('relay_post_message', { thread_name: 'a', surface: 'code', content: 'x' })
  await relay.log()
  await expectOutcome(relay, legacy(method, params), expected)
}

const longName = (letter: string, times: number) =>
  JSON.stringify({ uri: `relay://threads/${letter.repeat(times)}` })

test.each([
  ['{"uri":"relay://threads/a"}', SERVED],
  ['{"uri":"relay://threads/%61"}', SERVED],
  ['{"uri":"relay://threads/a","_meta":{"progressToken":1},"extra":[]}', SERVED],
  ['{"uri":"file:///etc/passwd","uri":"relay://threads"}', SERVED],
  ['{}', REFUSED],
  ['{"uri":null}', REFUSED],
  ['{"uri":7}', REFUSED],
  ['{"uri":["relay://threads"]}', REFUSED],
  ['{"uri":{"toString":"relay://threads"}}', REFUSED],
  ['{"__proto__":{"uri":"relay://threads"}}', REFUSED],
  ['{"uri":""}', NOT_FOUND],
  ['{"uri":"relay://threads/"}', NOT_FOUND],
  ['{"uri":"relay://threads/a/"}', NOT_FOUND],
  ['{"uri":"relay://threads//a"}', NOT_FOUND],
  ['{"uri":"relay://threads/./a"}', NOT_FOUND],
  ['{"uri":"relay://threads/../a"}', NOT_FOUND],
  ['{"uri":"relay://threads/x/../a"}', NOT_FOUND],
  ['{"uri":"relay://threads/%2e%2e/%2e%2e/etc/passwd"}', NOT_FOUND],
  ['{"uri":"relay://threads/..%5c..%5ca"}', NOT_FOUND],
  ['{"uri":"relay://threads\\\\a"}', NOT_FOUND],
  ['{"uri":"relay:threads/a"}', NOT_FOUND],
  ['{"uri":"relay:///threads/a"}', NOT_FOUND],
  ['{"uri":"relay://user@threads/a"}', NOT_FOUND],
  ['{"uri":"relay://threads:80/a"}', NOT_FOUND],
  ['{"uri":"RELAY://THREADS/a"}', NOT_FOUND],
  ['{"uri":"http://169.254.169.254/latest/meta-data"}', NOT_FOUND],
  ['{"uri":"javascript:alert(1)"}', NOT_FOUND],
  ['{"uri":"relay://threads/{name}"}', NOT_FOUND],
  ['{"uri":"relay://threads/%257b"}', NOT_FOUND],
  ['{"uri":"relay://threads/a?b"}', NOT_FOUND],
  ['{"uri":"relay://threads/a#b"}', NOT_FOUND],
  ['{"uri":"relay://threads?a"}', NOT_FOUND],
  ['{"uri":"relay://threads/%"}', NOT_FOUND],
  ['{"uri":"relay://threads/%zz"}', NOT_FOUND],
  ['{"uri":"relay://threads/%c0%af"}', NOT_FOUND],
  ['{"uri":"relay://threads/%f4%90%80%80"}', NOT_FOUND],
  ['{"uri":"relay://threads/%00"}', NOT_FOUND],
  ['{"uri":"relay://threads/\\u0000"}', NOT_FOUND],
  ['{"uri":"relay://threads/\\ud800"}', NOT_FOUND],
  ['{"uri":"relay://threads/%0d%0aa"}', SERVED],
  ['{"uri":"relay://threads/%20a%e2%80%a8"}', SERVED],
  ['{"uri":"relay://threads/\';drop table x;--"}', NOT_FOUND],
  ['{"uri":"relay://threads/<script>alert(1)</script>"}', NOT_FOUND],
  ['{"uri":"relay://threads/__proto__"}', NOT_FOUND],
  [longName('x', 1_900_000), NOT_FOUND],
  [longName('%F0%9F%9A%80', 2000), NOT_FOUND],
  [longName('%', 100_000), NOT_FOUND],
  [longName('../', 100_000), NOT_FOUND],
])('resources/read %.60s', async (params, expected) => {
  await expectLegacy('resources/read', params, expected)
})

test.each([
  ['resources/list', '{"cursor":null}', SERVED],
  ['resources/list', '{"cursor":""}', SERVED],
  ['resources/list', '{"cursor":"\\u0000"}', REFUSED],
  ['resources/list', '{"cursor":"\\ud800"}', REFUSED],
  ['resources/list', '{"cursor":["MjAyNg=="]}', REFUSED],
  ['resources/list', `{"cursor":"${'A'.repeat(1_000_000)}"}`, REFUSED],
  ['resources/list', `{"cursor":"${btoa("2026-01-31T09:30:00Z '; drop table x")}"}`, REFUSED],
  ['resources/templates/list', '{"cursor":0}', REFUSED],
  ['resources/templates/list', '{"x":1}', SERVED],
  ['prompts/list', '{"cursor":{}}', REFUSED],
  ['prompts/get', '{"name":"hand_off","arguments":{"thread":"\'; drop table x; --"}}', SERVED],
  ['prompts/get', '{"name":"hand_off","arguments":{"thread":{"toString":1}}}', REFUSED],
  ['prompts/get', '{"name":"hand_off","arguments":{"__proto__":{"thread":"a"}}}', SERVED],
  ['prompts/get', '{"name":"hand_off","arguments":{"thread":"a","constructor":1}}', SERVED],
  ['prompts/get', '{"name":"hand_off","arguments":{"thread":"\\u0000"}}', REFUSED],
  ['prompts/get', '{"name":"hand_off","arguments":{"thread":"a","focus":"\\udfff"}}', REFUSED],
  ['prompts/get', `{"name":"hand_off","arguments":{"thread":"${'x'.repeat(1e6)}"}}`, REFUSED],
  ['prompts/get', '{"name":"constructor"}', REFUSED],
  ['prompts/get', '{"name":["hand_off"]}', REFUSED],
  ['completion/complete', '{}', REFUSED],
  ['completion/complete', '{"ref":[],"argument":{}}', REFUSED],
  [
    'completion/complete',
    '{"ref":{"type":"ref/prompt","name":"__proto__"},"argument":{"name":"a","value":""}}',
    REFUSED,
  ],
])('%s %.70s', async (method, params, expected) => {
  await expectLegacy(method, params, expected)
})

const completing = (value: string) =>
  `{"ref":{"type":"ref/resource","uri":"relay://threads/{name}"},"argument":{"name":"name","value":${JSON.stringify(value)}}}`

test.each([
  '%',
  '_',
  '\\',
  "' or 1=1 --",
  '$1',
  '.*',
  '(?i)[[:alpha:]]{1,9}',
  '\u202e',
  '\n',
  '\0',
  '\ud800',
  '🚀'.repeat(2000),
  'x'.repeat(1_000_000),
])('completion of %.40j', async (value) => {
  await expectLegacy('completion/complete', completing(value), SERVED)
})

test.each([
  ['resources/read', { uri: 'relay://threads/a' }, SERVED],
  ['resources/read', { uri: 'relay://threads/ü' }, REFUSED],
  ['resources/read', { uri: 'relay://threads/../a' }, REFUSED],
  ['resources/read', { uri: 'RELAY://threads' }, REFUSED],
  ['resources/read', { uri: 'relay://threads/%' }, REFUSED],
  ['resources/read', { uri: '' }, REFUSED],
  ['resources/read', { uri: 7 }, MISMATCH],
  ['resources/read', { uri: 'relay://threads/a', name: 'relay://threads/b' }, MISMATCH],
  ['prompts/get', { name: '' }, REFUSED],
  ['prompts/get', { name: null }, MISMATCH],
  ['prompts/get', { name: 'hand_off', arguments: 'a' }, REFUSED],
])('modern: %s %j', async (method, params, expected) => {
  await using relay = await createTestRelay()
  await relay.call('relay_post_message', { thread_name: 'a', surface: 'code', content: 'x' })
  await relay.log()
  await expectOutcome(relay, modern(method, params), expected)
})
