/** Arguments of tools that are odd in type, number, time, text or size: refused, or served. */
import { test } from 'vitest'
import { createTestRelay } from '../../support/relay.ts'
import { expectOutcome, toolCall } from './raw.ts'

const POST = { thread_name: 'a', surface: 'code', content: 'x' }
const SERVED = '200 result'
const REFUSED = '200 isError'

/** Rows with what is sent in front, short enough for a title. */
const named = (rows: [string, string][]) =>
  rows.map(([sent, expected]) => [JSON.stringify(sent).slice(0, 40), sent, expected] as const)

/** JSON with one argument as it is written. */
const withArgument = (args: object, name: string, json: string) =>
  `${JSON.stringify(args).slice(0, -1)}${Object.keys(args).length > 0 ? ',' : ''}"${name}":${json}}`

async function expectCall(tool: string, args: string, expected: string) {
  await using relay = await createTestRelay()
  await relay.call('relay_post_message', POST)
  await relay.log()
  await expectOutcome(relay, toolCall(tool, args), expected)
}

test.each([
  ['1e0', SERVED],
  ['5.0', SERVED],
  ['null', SERVED],
  ['-0', SERVED],
  ['-1', REFUSED],
  ['1.5', REFUSED],
  ['501', REFUSED],
  ['1e-400', SERVED],
  ['1e400', REFUSED],
  ['2147483648', REFUSED],
  ['9007199254740992', REFUSED],
  ['9223372036854775808', REFUSED],
  ['"1"', SERVED],
  ['"1e3"', REFUSED],
  ['"99999999999999999"', REFUSED],
  ['true', REFUSED],
  ['[1]', REFUSED],
  ['{}', REFUSED],
])('limit %s', async (json, expected) => {
  await expectCall('relay_read_thread', `{"thread_name":"a","limit":${json}}`, expected)
  await expectCall('relay_list_threads', `{"limit":${json}}`, expected)
  await expectCall('relay_check_new', `{"reader_tag":"r","limit":${json}}`, expected)
})

test.each([
  ['9007199254740991', SERVED],
  ['2147483648', SERVED],
  ['9007199254740992', REFUSED],
  ['1e308', REFUSED],
  ['"5; drop"', REFUSED],
])('before_seq %s', async (json, expected) => {
  await expectCall('relay_read_thread', `{"thread_name":"a","before_seq":${json}}`, expected)
})

test.each([
  ['1', SERVED],
  ['2', REFUSED],
  ['0', SERVED],
  ['9007199254740991', REFUSED],
  ['9223372036854775807', REFUSED],
])('ack_seq %s in a thread of one message', async (json, expected) => {
  const args = { thread_name: 'a', reader_tag: 'r' }
  await expectCall('relay_check_new', withArgument(args, 'ack_seq', json), expected)
})

test.each([
  ['0001-01-01T00:00:00+14:00', SERVED],
  ['9999-12-31T23:59:59-14:00', SERVED],
  ['9999-12-31T24:00:00Z', SERVED],
  ['2026-01-01T00:00:00-00:00', SERVED],
  ['2026-01-01T00:00:00.999999999Z', SERVED],
  ['2026-01-01T24:00:01Z', REFUSED],
  ['2026-06-30T23:59:60Z', REFUSED],
  ['2026-00-01T00:00:00Z', REFUSED],
  ['2025-02-29T00:00:00Z', REFUSED],
  ['2026-01-01 00:00:00Z', SERVED],
  ['2026-01-01T00:00:00Z\n', SERVED],
  ['2026-01-01', SERVED],
  ['2026-01-01T00:00:00+0530', SERVED],
  ['2026-01-01T00:00:00+99', REFUSED],
  ['2026-13-01', REFUSED],
  ['+010000-01-01T00:00:00Z', REFUSED],
  ['２０２６-01-01T00:00:00Z', REFUSED],
  ['infinity', REFUSED],
  ['epoch', REFUSED],
  ['now()', REFUSED],
  ['', SERVED],
])('since %j', async (since, expected) => {
  await expectCall('relay_read_thread', JSON.stringify({ thread_name: 'a', since }), expected)
})

test.each(
  named([
    ['{"":""}', SERVED],
    ['{"toJSON":1,"then":1,"length":1e9}', SERVED],
    ['{"n":5e-324}', SERVED],
    ['{"a":"\\ud83d\\ude80"}', SERVED],
    [`{"a":${'{"a":'.repeat(2000)}1${'}'.repeat(2000)}}`, SERVED],
    [`{"${'k'.repeat(16_370)}":1}`, SERVED],
    [`{"${'k'.repeat(16_380)}":1}`, REFUSED],
    [`{"a":"${'🚀'.repeat(4096)}"}`, REFUSED],
    [`{"a":${'['.repeat(8000)}${']'.repeat(8000)}}`, REFUSED],
    ['{"n":1.7976931348623157e308}', REFUSED],
    ['{"n":-1e400}', REFUSED],
    ['{"a":["\\udfff"]}', REFUSED],
    ['{"a":{"\\u0000":1}}', REFUSED],
    ['"{}"', SERVED],
    ['"[]"', REFUSED],
    ['"{"', REFUSED],
    ['"{\\"a\\":\\"\\\\ud800\\"}"', REFUSED],
    ['false', REFUSED],
  ]),
)('metadata %s', async (_, json, expected) => {
  await expectCall('relay_post_message', withArgument(POST, 'metadata', json), expected)
})

test.each(
  named([
    ['%', SERVED],
    ['\\', SERVED],
    ['"', SERVED],
    ["'", SERVED],
    ['()', REFUSED],
    ['-a', REFUSED],
    ['<->', SERVED],
    ['- a', SERVED],
    ['\u202e', SERVED],
    ['\u0001', SERVED],
    ['\0', REFUSED],
    ['\ud800', REFUSED],
    ['x'.repeat(1001), REFUSED],
    ['🚀'.repeat(1000), SERVED],
    ['a\\', SERVED],
    ["a'); drop table x; --", SERVED],
    ['a:*', SERVED],
    ['a & !b', SERVED],
    ['"a', SERVED],
    ['or or or', SERVED],
    ['[[:alpha:]]{1,9}', SERVED],
    ['(?i)a**', SERVED],
    ['http://a/b?c=%d', SERVED],
    ['a or '.repeat(200), SERVED],
    ['"a b" '.repeat(160), SERVED],
    ['a-'.repeat(500), SERVED],
  ]),
)('query %s', async (_, query, expected) => {
  await expectCall('relay_read_thread', JSON.stringify({ query }), expected)
  await expectCall('relay_read_thread', JSON.stringify({ thread_name: 'a', query }), expected)
})

test.each(
  named([
    ['%', SERVED],
    ['_', SERVED],
    ['\\', SERVED],
    ['a\\', SERVED],
    ['🚀'.repeat(200), SERVED],
    ['🚀'.repeat(201), REFUSED],
    ['', SERVED],
    ['\0', REFUSED],
  ]),
)('query %s of names', async (_, query, expected) => {
  await expectCall('relay_list_threads', JSON.stringify({ query }), expected)
})

test.each(
  named([
    ['..', SERVED],
    ['"', SERVED],
    ['\\', SERVED],
    ['%s $1 {} #{x}', SERVED],
    ['thread "x" not found', SERVED],
    ['<script>alert(1)</script>', SERVED],
    ["'; drop table x; --", SERVED],
    ['__proto__', SERVED],
    ['👨‍👩‍👧‍👦', SERVED],
    ['\uffff\ufdd0\u{10ffff}', SERVED],
    [`e${'\u0301'.repeat(199)}`, SERVED],
    ['🚀'.repeat(200), SERVED],
    ['🚀'.repeat(201), REFUSED],
    ['x'.repeat(300_000), REFUSED],
    ['\ufeff', REFUSED],
    ['\u202e\u2066', REFUSED],
    ['\u{e0001}', REFUSED],
    ['\u0085', REFUSED],
    ['a\u2028b', REFUSED],
    ['\u001b[31mred', REFUSED],
    ['a\u007f', REFUSED],
    ['a\0', REFUSED],
    ['\udc00\ud800', REFUSED],
  ]),
)('%s as a name, a tag and a key', async (_, name, expected) => {
  await expectCall('relay_create_thread', JSON.stringify({ name }), expected)
  await expectCall('relay_check_new', JSON.stringify({ reader_tag: name }), expected)
  const post = { ...POST, thread_name: name, session_tag: name, idempotency_key: name }
  await expectCall('relay_post_message', JSON.stringify(post), expected)
  await expectCall('relay_archive_thread', JSON.stringify({ thread_name: name }), REFUSED)
})

test.each([
  ['control characters', '\u0001\u001b[2J\u0007', SERVED],
  ['100,000 line breaks', '\n'.repeat(100_000), SERVED],
  ['one word of 100,000 letters', 'x'.repeat(100_000), SERVED],
  ['50,000 hyphens', 'a-'.repeat(50_000), SERVED],
  ['50,000 slashes', 'a/'.repeat(50_000), SERVED],
  ['99,999 accents on one letter', `e${'\u0301'.repeat(99_999)}`, SERVED],
  ['noncharacters', '\uffff\ufdd0\u{1ffff}', SERVED],
  ['one character too many', 'x'.repeat(100_001), REFUSED],
  ['half a surrogate pair at the end', `${'x'.repeat(1000)}\ud83d`, REFUSED],
  ['U+0000 at the end', `${'x'.repeat(99_999)}\0`, REFUSED],
])('content of %s', async (_, content, expected) => {
  await expectCall('relay_post_message', JSON.stringify({ ...POST, content }), expected)
})

test.each([
  ['relay_post_message', '{"__proto__":{"thread_name":"a","surface":"code","content":"x"}}'],
  ['relay_post_message', '{"thread_name":["a"],"surface":"code","content":"x"}'],
  ['relay_post_message', '{"thread_name":"a","surface":"terminal","content":"x"}'],
  ['relay_post_message', '{"thread_name":"a","surface":"code","content":{"toString":"x"}}'],
  ['relay_post_message', '{"thread_name":"a","surface":"code","content":"x","reader":"b"}'],
  ['relay_check_new', '{"reader_tag":"r","wait_seconds":1e9}'],
  ['relay_check_new', '{"reader_tag":"r","peek":"yes"}'],
  ['relay_archive_thread', '{"thread_name":"a","archived":1}'],
])('%s refuses arguments that a model can correct: %#', async (tool, args) => {
  await expectCall(tool, args, REFUSED)
})

test.each([
  ['relay_post_message', '{"thread_name":"a","surface":"code","content":"x","p_user_id":"b"}'],
  ['relay_list_threads', '{"constructor":1,"toString":2,"hasOwnProperty":3}'],
  ['relay_list_threads', '{"__proto__":{"limit":1}}'],
  ['relay_list_threads', `{"${'x'.repeat(1_000_000)}":1}`],
  ['relay_list_threads', `{${Array.from({ length: 50_000 }, (_, n) => `"u${n}":1`).join()}}`],
])('%s ignores arguments that mean nothing to it: %#', async (tool, args) => {
  await expectCall(tool, args, SERVED)
})
