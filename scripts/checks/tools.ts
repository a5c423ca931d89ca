/** Uses each of the six tools once, as two sessions would, in one thread that is archived at the end. */
import type { ToolResult } from '../lib/mcp-client.ts'
import { type Check, expectThat, ok } from './check.ts'
import type { Subject } from './subject.ts'

/** Sessions receive them as news. */
const TEST = 'Test message of npm run smoke: nothing to do.'
const FIRST = `${TEST} Ünïcödé 🚀`
const SECOND = `${TEST} (2)`
const THIRD = `${TEST} (3)`

const formatName = ({ scratch }: Subject) => `${scratch}-tools`

function call(subject: Subject, tool: string, args: object = {}): Promise<ToolResult> {
  return subject.relay.call(tool, { thread_name: formatName(subject), ...args })
}

function post(subject: Subject, content: string, more: object = {}): Promise<ToolResult> {
  return call(subject, 'relay_post_message', { content, surface: 'code', ...more })
}

/** Always the same tag: the relay remembers every reader and shows them to sessions. */
const READER = 'smoke-test'

const tools: Check = {
  id: 'tools',
  needs: ['tool-call'],
  why: 'Sessions cannot work with each other.',
  async look(subject) {
    for (const step of [create, postTwice, read, checkNew, archive]) await step(subject)
    return ok('all six, in a thread that was archived')
  },
}

async function create(subject: Subject): Promise<void> {
  const name = formatName(subject)
  const make = () =>
    subject.relay.call('relay_create_thread', { name, description: 'Created by npm run smoke' })
  const created = (await make()).structuredContent
  expectThat(created?.name === name, 'a new thread', created)
  const twice = await make()
  expectThat(twice.isError === true, 'a refusal of a taken name', twice.content)
}

async function postTwice(subject: Subject): Promise<void> {
  const key = { idempotency_key: 'first' }
  const first = (await post(subject, FIRST, key)).structuredContent
  expectThat(first?.seq === 1, 'a first message', first)
  const again = (await post(subject, FIRST, key)).structuredContent
  expectThat(again?.duplicate === true && again.seq === 1, 'the same message again', again)
  const empty = await post(subject, '')
  expectThat(empty.isError === true, 'a refusal of an empty message', empty.content)
}

async function read(subject: Subject): Promise<void> {
  const answer = await call(subject, 'relay_read_thread', { reader_tag: READER })
  const messages = JSON.parse(answer.content[0]?.text ?? 'null')
  expectThat(messages?.length === 1, 'one message', answer.content)
  const [{ content, surface }] = messages
  expectThat(content === FIRST && surface === 'code', 'the message as it was posted', messages)
  const structured = JSON.stringify(answer.structuredContent?.messages)
  expectThat(structured === JSON.stringify(messages), 'the same as structured content', structured)
  const found = await call(subject, 'relay_read_thread', { query: 'ünïcödé' })
  const hits = found.structuredContent?.messages
  expectThat(hits?.length === 1, 'one message found by a word in it', found.content)
  const args = { thread_name: `${formatName(subject)}-typo` }
  const lost = await subject.relay.call('relay_read_thread', args)
  const near = lost.content[0]?.text.includes(`"${formatName(subject)}"`)
  expectThat(lost.isError === true && near === true, 'the closest name for a typo', lost.content)
}

async function checkNew(subject: Subject): Promise<void> {
  const reader_tag = READER
  const check = async (more: object = {}) =>
    (await call(subject, 'relay_check_new', { reader_tag, ...more })).structuredContent
  const none = await check()
  expectThat(none?.new_message_count === 0, 'nothing new after reading', none)
  await post(subject, SECOND)
  const peek = await check({ peek: true })
  expectThat(peek?.new_message_count === 1, 'one new message at a peek', peek)
  const one = await check()
  const isSecond = one?.messages?.[0]?.content === SECOND && one.remaining_count === 0
  expectThat(isSecond, 'only the new message', one)
  const over = await check()
  expectThat(over?.new_message_count === 0, 'nothing new a second time', over)
  await post(subject, THIRD, { reader_tag })
  const own = await check()
  expectThat(own?.new_message_count === 0, 'no message of its own', own)
}

async function archive(subject: Subject): Promise<void> {
  const query = formatName(subject)
  const list = async (more: object = {}) =>
    (await subject.relay.call('relay_list_threads', { query, ...more })).structuredContent?.threads
  const listed = await list()
  expectThat(listed?.[0]?.name === query, 'the thread in the list', listed)
  const archived = await call(subject, 'relay_archive_thread')
  expectThat(archived.structuredContent?.archived === true, 'the thread archived', archived.content)
  const hidden = await list()
  expectThat(hidden?.length === 0, 'the thread gone from the list', hidden)
  const kept = await list({ include_archived: true })
  expectThat(kept?.length === 1, 'the thread in the list of archived ones', kept)
}

export const toolChecks = [tools]
