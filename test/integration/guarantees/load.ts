/** Callers that keep a relay busy while something breaks, and the conditions that must hold afterwards. */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import type { RelayClient } from '../../support/relay.ts'
import { type Message, range, seqs } from '../migrations/calls.ts'
import { follow, over, stateOf } from './callers.ts'

/** Writers and readers that run until they are stopped, despite any errors. */
export function startLoad(relay: RelayClient) {
  const posted = new Map<string, { id: string; seq: number }>()
  /** Posts that were neither acknowledged nor said to have changed nothing. */
  const unknown = new Set<string>()
  const peeked: Message[] = []
  // A failed check is remembered as undefined: what it carried may be lost.
  const checked: (Message | undefined)[] = []
  const counts = { acknowledged: 0, answered: 0, failed: 0 }
  let running = true

  async function call(tool: string, args: { content?: string; [name: string]: unknown }) {
    const { isError, structuredContent, content } = await relay.callFaithfully(tool, { ...args })
    counts.answered += 1
    if (!isError) return structuredContent
    counts.failed += 1
    // A refusal, or an error that hides what became of the call, would break the promise.
    expect(content[0].text).toMatch(/^The database /)
    if (content[0].text.includes('Nothing was changed')) unknown.delete(args.content ?? '')
    return undefined
  }

  async function write(n: number): Promise<void> {
    for (let m = 0; running; m += 1) {
      const content = `${n} ${m}`
      const message = { thread_name: 'load', content, surface: 'code' }
      // Half of them insist, with a key, on what they have not seen acknowledged.
      const args = n % 2 ? { ...message, idempotency_key: content } : message
      unknown.add(content)
      let answer = await call('relay_post_message', args)
      while (n % 2 && !answer) answer = await call('relay_post_message', args)
      if (!answer) continue
      unknown.delete(content)
      posted.set(content, answer)
      counts.acknowledged += 1
    }
  }

  async function check(): Promise<void> {
    while (running) {
      const args = { thread_name: 'load', reader_tag: 'plain', limit: 20 }
      const answer = await call('relay_check_new', args)
      checked.push(...(answer ? answer.messages : [undefined]))
    }
  }

  async function peek(): Promise<void> {
    while (running) {
      const args = { thread_name: 'load', reader_tag: 'careful', limit: 20, peek: true }
      const answer = await call('relay_check_new', { ...args, ack_seq: peeked.at(-1)?.seq })
      peeked.push(...(answer?.messages ?? []))
    }
  }

  const working = over(relay)
    .create('load')
    .then(() => Promise.all([...range(0, 4).map(write), check(), peek()]))
  const state = stateOf(working)

  async function reach(count: 'acknowledged' | 'answered', more: number): Promise<void> {
    const goal = counts[count] + more
    for (const deadline = Date.now() + 15_000; counts[count] < goal; await sleep(2)) {
      if (state.ended) await working
      if (Date.now() > deadline) throw new Error(`${counts[count]} ${count} instead of ${goal}`)
    }
  }

  return {
    posted,
    unknown,
    peeked,
    checked,
    get failures() {
      return counts.failed
    },
    /** Waits for so many more posts to be acknowledged. */
    acknowledged: (more: number) => reach('acknowledged', more),
    /** Waits for so many more calls to be answered, in whatever way. */
    answered: (more: number) => reach('answered', more),
    async stop() {
      running = false
      await working
    },
  }
}

export type Load = ReturnType<typeof startLoad>

/** Asserts that the relay serves, that what it acknowledged is there once, and what readers got. */
export async function expectKept(relay: RelayClient, load: Load): Promise<void> {
  const { posted, unknown, peeked, checked } = load
  const tools = over(relay)
  const thread = { thread_name: 'load', limit: 500 }
  await expect.poll(() => tools.list().then(Boolean, () => false)).toBe(true)

  const messages = await follow(tools, 'afterwards', thread)
  expect(seqs(messages)).toEqual(range(1, messages.length))
  const there = new Map(messages.map((message) => [message.content, message]))
  expect(there.size).toBe(messages.length)
  for (const [content, { id, seq }] of posted) {
    expect(there.get(content)).toMatchObject({ id, seq })
  }
  expect(
    [...there.keys()].filter((content) => !posted.has(content) && !unknown.has(content)),
  ).toEqual([])

  const acknowledging = { ...thread, ack_seq: peeked.at(-1)?.seq ?? null }
  const careful = [...peeked, ...(await follow(tools, 'careful', acknowledging))]
  expect(seqs(careful)).toEqual(range(1, messages.length))

  // Never again, never out of order, and without a gap unless the check before it has failed.
  let mayMiss = false
  let last = 0
  for (const message of [...checked, ...(await follow(tools, 'plain', thread))]) {
    if (message) {
      if (mayMiss) expect(message.seq).toBeGreaterThan(last)
      else expect(message.seq).toBe(last + 1)
      last = message.seq
    }
    mayMiss = !message
  }
}
