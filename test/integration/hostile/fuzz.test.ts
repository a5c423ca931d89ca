/**
 * Valid requests of both eras, damaged at random: whatever comes of them is harmless, and the relay
 * serves on. FUZZ_SEED=<number> takes another run than the one that is always taken.
 */
import { expect, test } from 'vitest'
import { randomNumbers } from '../../support/random.ts'
import { createTestRelay } from '../../support/relay.ts'
import {
  expectHarmless,
  expectNoFault,
  META,
  MODERN,
  modern,
  type RawRequest,
  send,
  toolCall,
} from './raw.ts'

const SEED = Number(process.env.FUZZ_SEED ?? 20_260_728)
const REQUESTS = 600

/** Requests at once: more than one, so that a fault may show in the answer to a neighbour. */
const WIDTH = 4

type Random = ReturnType<typeof randomNumbers>

function pick<T>(random: Random, values: readonly T[]): T {
  const value = values[random(values.length)]
  if (value === undefined) throw new Error('Nothing to pick from')
  return value
}

// None waits: a damaged wait_seconds would make the run as long as it says.
const CALLS: [string, Record<string, unknown>][] = [
  ['relay_list_threads', { include_archived: true, reader_tag: 'r', query: 'a', limit: 5 }],
  ['relay_create_thread', { name: 'b', description: 'second' }],
  [
    'relay_post_message',
    {
      thread_name: 'a',
      content: 'x',
      surface: 'code',
      session_tag: 's',
      metadata: { branch: 'main', list: [1, null, { deep: true }] },
      reader_tag: 'r',
      idempotency_key: 'k',
    },
  ],
  ['relay_read_thread', { thread_name: 'a', limit: 5, before_seq: 9, query: 'x or "y z" -w' }],
  ['relay_read_thread', { thread_name: 'a', since: '2026-01-31T09:30:00Z', surface: 'chat' }],
  ['relay_check_new', { thread_name: 'a', reader_tag: 'r', limit: 5, peek: true, ack_seq: 1 }],
  ['relay_archive_thread', { thread_name: 'a', archived: false }],
]

/** Those of resources, prompts and completion. */
const LOOKS: [string, Record<string, unknown>][] = [
  ['resources/list', { cursor: btoa('2126-01-31T09:30:00Z 5f0c9f6e-2a0b-4d0a-9a53-0d9c1c7d3b11') }],
  ['resources/read', { uri: 'relay://threads/a' }],
  ['resources/read', { uri: 'relay://threads' }],
  ['prompts/get', { name: 'hand_off', arguments: { thread: 'a', focus: 'f' } }],
  ['prompts/get', { name: 'catch_up', arguments: { thread: 'a', reader_tag: 'r' } }],
  [
    'completion/complete',
    {
      ref: { type: 'ref/resource', uri: 'relay://threads/{name}' },
      argument: { name: 'name', value: 'a' },
      context: { arguments: { focus: 'f' } },
    },
  ],
]

const LEGACY = { 'mcp-protocol-version': '2025-11-25' }

const VALID: RawRequest[] = [
  ...CALLS.map(([name, args]) => modern('tools/call', { name, arguments: args })),
  ...CALLS.map(([name, args]) => ({ headers: LEGACY, ...toolCall(name, JSON.stringify(args)) })),
  ...LOOKS.map(([method, params]) => modern(method, params)),
  ...LOOKS.map(([method, params]) => ({
    headers: LEGACY,
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
  })),
  modern('prompts/list'),
  modern('resources/templates/list'),
  modern('server/discover'),
  modern('tools/list'),
  modern('subscriptions/listen', { notifications: { toolsListChanged: true } }),
  { body: '{"jsonrpc":"2.0","id":"a","method":"ping","params":{"_meta":{"progressToken":1}}}' },
  {
    body: '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"c","version":"1"}}}',
  },
  { body: '[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","method":"x"}]' },
  { body: '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}' },
]

/** JSON as it is written, for numbers and keys that no value of JavaScript would become. */
const HOSTILE_JSON = [
  ...['null', 'true', '-1', '1.5', '1e400', '-0', '1e-400', '9007199254740993', '[]', '{}', '""'],
  ...['"\\u0000"', '"\\ud800"', '"\\u202e"', '"\\u001b[2J"', '"__proto__"', '"a\\\\"', '"%"'],
  ...['"\'; select 1; --"', '"$1"', '"<script>"', '"🚀"', '"or"', '"infinity"', '"../.."'],
  ...['{"__proto__":{"a":1}}', '{"toJSON":1}', '[[[[]]]]', '{"":{"":null}}', MODERN, '01'],
  `"${'x'.repeat(5000)}"`,
  `${'['.repeat(3000)}${']'.repeat(3000)}`,
  JSON.stringify({ _meta: META }),
]

const HOSTILE_BYTES = [0x00, 0x0a, 0x22, 0x2c, 0x3a, 0x5b, 0x5c, 0x5d, 0x7b, 0x7d, 0x80, 0xc0, 0xff]

const HOSTILE_HEADERS = [
  ...['', ' ', ',', '\xff\xfe', '=?base64?=?=', '=?base64?eA==?=', 'x'.repeat(5000), '-1', 'null'],
  ...[MODERN, '2025-03-26', '9999-99-99', 'tools/call', 'Bearer ', 'Bearer x', 'text/plain'],
  ...['application/json;', 'https://evil.example', "'; select 1; --", '<script>', '__proto__'],
]

/** Not the length: a request that promises more than it brings is waited for, and rightly. */
const HEADERS = [
  ...['host', 'authorization', 'content-type', 'mcp-protocol-version', 'mcp-method', 'mcp-name'],
  ...['origin', 'accept', 'user-agent', 'cf-ray', 'content-encoding', 'expect', 'mcp-session-id'],
]

/** Flips, cuts, inserts or repeats bytes of the body. */
function damageBytes(random: Random, request: RawRequest): RawRequest {
  const body = Buffer.from(request.body ?? '')
  const start = random(body.length)
  const end = start + random(12)
  const before = body.subarray(0, start)
  const after = body.subarray(start)
  const changes = [
    () => [before, [(body[start] ?? 0) ^ (1 << random(8))], body.subarray(start + 1)],
    () => [before],
    () => [before, body.subarray(end)],
    () => [before, [pick(random, HOSTILE_BYTES)], after],
    () => [before, [pick(random, HOSTILE_BYTES)], body.subarray(start + 1)],
    () => [before, body.subarray(start, end), after],
  ]
  const parts = pick(random, changes)()
  return { ...request, body: Buffer.concat(parts.map((part) => Buffer.from(part))) }
}

/** Puts something hostile in the place of one value, or of one key. */
function damageJson(random: Random, request: RawRequest): RawRequest {
  const body = Buffer.from(request.body ?? '').toString('utf8')
  const tokens = [...body.matchAll(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null|[{[]/g)]
  if (tokens.length === 0) return request
  const token = pick(random, tokens)
  const [text] = token
  const end = text === '{' || text === '[' ? closing(body, token.index) : token.index + text.length
  return {
    ...request,
    body: body.slice(0, token.index) + pick(random, HOSTILE_JSON) + body.slice(end),
  }
}

/** Where the value that opens at `start` has ended. Brackets in strings may mislead it: no matter. */
function closing(body: string, start: number): number {
  let depth = 0
  for (let end = start; end < body.length; end++) {
    if ('{['.includes(body.charAt(end))) depth += 1
    if ('}]'.includes(body.charAt(end))) depth -= 1
    if (depth === 0) return end + 1
  }
  return body.length
}

/** Drops, garbles or doubles a header. */
function damageHeaders(random: Random, request: RawRequest): RawRequest {
  const name = pick(random, HEADERS)
  const hostile = pick(random, HOSTILE_HEADERS)
  const changes = [undefined, hostile, [hostile, pick(random, HOSTILE_HEADERS)]]
  const kept = request.headers?.[name]
  if (kept !== undefined) changes.push([kept, hostile].flat(), [kept, kept].flat())
  return {
    ...request,
    headers: { ...request.headers, [name]: changes[random(changes.length)] },
  }
}

/** One valid request, damaged once to three times. */
function damaged(random: Random): RawRequest {
  let request = pick(random, VALID)
  for (let left = 1 + random(3); left > 0; left--) {
    request = pick(random, [damageBytes, damageJson, damageJson, damageHeaders])(random, request)
  }
  return request
}

test(`${REQUESTS} damaged requests do no harm, and the relay serves on (FUZZ_SEED=${SEED})`, async () => {
  await using relay = await createTestRelay()
  await relay.call('relay_post_message', { thread_name: 'a', content: 'x', surface: 'code' })
  const random = randomNumbers(SEED)
  const requests = Array.from({ length: REQUESTS }, () => damaged(random)).entries()
  const statuses = new Map<number, number>()

  async function sendAll() {
    for (const [n, request] of requests) {
      const body = Buffer.from(request.body ?? '').toString('utf8')
      const sent = `FUZZ_SEED=${SEED}, request ${n}: ${JSON.stringify(request.headers)}\n${body}`
      const answer = await send(relay, request)
      expectHarmless(answer, relay, sent)
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1)
    }
  }
  await Promise.all(Array.from({ length: WIDTH }, sendAll))

  // Damaged requests got through to the tools too, and not only as far as the first check.
  expect(statuses.get(200)).toBeGreaterThan(REQUESTS / 10)
  expect(statuses.get(400)).toBeGreaterThan(REQUESTS / 10)

  const pong = await relay.rpc({ jsonrpc: '2.0', id: 'still', method: 'ping' })
  expect(pong).toMatchObject({ status: 200, body: { jsonrpc: '2.0', id: 'still', result: {} } })
  const post = { thread_name: 'afterwards', content: 'all is well', surface: 'code' }
  expect(await relay.call('relay_post_message', post)).toMatchObject({
    structuredContent: { seq: 1, thread_created: true },
  })
  expect(await relay.call('relay_read_thread', { thread_name: 'afterwards' })).toMatchObject({
    structuredContent: { messages: [{ content: 'all is well', seq: 1 }] },
  })
  await relay.log((line) => line.tool === 'relay_read_thread' && line.outcome === 'ok')
  expectNoFault(relay)
})
