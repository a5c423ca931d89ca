/** The tools through the whole server as these tests call them, and the messages that every reader must have seen. */
import { expect } from 'vitest'
import type { RelayClient, TestRelay } from '../../support/relay.ts'
import { type Message, seqs } from '../migrations/calls.ts'

export interface Posted {
  id: string
  thread_id: string
  seq: number
  content: string
  thread_name: string
  thread_created?: boolean
  thread_reopened?: boolean
  duplicate?: boolean
}

// biome-ignore lint/suspicious/noExplicitAny: tests state what they expect by asserting it.
type Json = any

/** The tools over HTTP. What is refused or fails is thrown, a deadlock included. */
export function over(relay: RelayClient) {
  async function call(tool: string, args: object): Promise<Json> {
    // In the shape of 0.1.0, where messages have ids.
    const { isError, content, structuredContent } = await relay.callFaithfully(tool, { ...args })
    if (isError) throw new Error(`${tool}: ${content[0].text}`)
    return structuredContent
  }
  return {
    async post(thread_name: string, content: string, args: object = {}): Promise<Posted> {
      const message = { thread_name, content, surface: 'code', ...args }
      return { ...(await call('relay_post_message', message)), content, thread_name }
    },
    create: (name: string) => call('relay_create_thread', { name }),
    read: (thread_name: string, args: object = {}) =>
      call('relay_read_thread', { thread_name, ...args }),
    check: (reader_tag: string, args: object = {}) =>
      call('relay_check_new', { reader_tag, ...args }),
    archive: (thread_name: string, archived = true) =>
      call('relay_archive_thread', { thread_name, archived }),
    list: (args: object = {}) => call('relay_list_threads', args),
  }
}

export type Tools = ReturnType<typeof over>

/** Checks until `writing` has ended and nothing is left; what came, in the order in which it came. */
export async function follow(
  tools: Tools,
  reader: string,
  args: object,
  writing: Promise<unknown> = Promise.resolve(),
): Promise<Message[]> {
  const messages: Message[] = []
  const state = stateOf(writing)
  for (;;) {
    // Asked before the check: one that began earlier may have missed the last post.
    const { ended } = state
    const answer = await tools.check(reader, args)
    expect(answer.new_message_count).toBe(answer.messages.length)
    messages.push(...answer.messages)
    if (ended && answer.remaining_count === 0) break
  }
  await writing
  return messages
}

/** Whether a promise has ended, one way or the other. */
export function stateOf(work: Promise<unknown>): { ended: boolean } {
  const state = { ended: false }
  const end = () => {
    state.ended = true
  }
  work.then(end, end)
  return state
}

/** Sends a tool call and throws its answer away: at once, or when it has begun to arrive. */
export async function callAndLeave(
  relay: TestRelay,
  name: string,
  args: object,
  leave: 'at once' | 'when answered' | Promise<unknown>,
): Promise<void> {
  const leaving = new AbortController()
  const request = relay.fetch('/mcp', {
    method: 'POST',
    headers: { authorization: `Bearer ${relay.key}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name, arguments: args },
    }),
    signal: leaving.signal,
  })
  const gone = request.catch(() => {})
  if (leave === 'when answered') await request
  else if (leave !== 'at once') await leave
  leaving.abort()
  await gone
}

export const inThread = (messages: Message[], name: string) =>
  messages.filter(({ thread_name }) => thread_name === name)

/** Asserts that these messages are the acknowledged ones of each thread: all, once, in order. */
export function expectAll(messages: Message[], posted: Posted[]): void {
  const names = new Set([...messages, ...posted].map(({ thread_name }) => `${thread_name}`))
  for (const name of names) {
    const acknowledged = posted
      .filter(({ thread_name }) => thread_name === name)
      .toSorted((a, b) => a.seq - b.seq)
    expect(inThread(messages, name).map(brief)).toEqual(acknowledged.map(brief))
  }
}

const brief = ({ id, seq, content }: { id: string; seq: number; content: string }) =>
  `${seq} ${id} ${content}`

export const isSorted = (messages: Message[]) =>
  seqs(messages).every((seq, index, all) => index === 0 || seq > (all[index - 1] as number))
