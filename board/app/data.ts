/**
 * The view's data: first the result of the tool call it belongs to, then, where the host passes
 * calls on, the relay's answer every few seconds. It reads without a reader tag, so that nothing here
 * marks anything as read.
 */
import { signal } from '@preact/signals'
import type { Message, Reading, Thread, ThreadList } from '../relay/types.ts'
import type { Bridge } from './bridge.ts'
import { capabilities } from './host.ts'

interface CallToolResult {
  content?: { type: string; text?: string }[]
  structuredContent?: object
  isError?: boolean
}

const PAUSE = 5_000

/** Threads that are asked for, and messages of one. */
const THREADS = 50
const MESSAGES = 30

export const threads = signal<Thread[] | undefined>(undefined)
export const remaining = signal(0)
/** When they were true, in milliseconds. */
export const asOf = signal(0)
export const problem = signal('')
export const opened = signal<{ name: string; messages: Message[] | undefined } | undefined>(
  undefined,
)
/** Whether the host has refused a call, so that the view no longer follows. */
export const isStale = signal(false)

let bridge: Bridge
let wanted: Record<string, unknown> = {}
let timer: number | undefined
let isEnded = false
let isOnScreen = false

export function followRelay(to: Bridge): void {
  bridge = to
  document.addEventListener('visibilitychange', schedule)
  // A chat may have many views, and those that are scrolled away need no news. They could also talk to each
  // other, but on an origin that they share with the views of other servers.
  new IntersectionObserver((entries) => {
    isOnScreen = entries.at(-1)?.isIntersecting ?? false
    schedule()
  }).observe(document.documentElement)
}

/** Takes the arguments of the call: a list that was filtered stays so. */
export function takeInput({ arguments: args }: { arguments?: Record<string, unknown> }): void {
  const { query, include_archived } = args ?? {}
  wanted = {
    ...(typeof query === 'string' && { query }),
    ...(include_archived === true && { include_archived }),
  }
}

/** Takes the result of the call that the view belongs to. */
export function takeResult(result: CallToolResult): void {
  const text = result.content?.find(({ type }) => type === 'text')?.text ?? ''
  if (result.isError) {
    problem.value = text
    return
  }
  const list = (result.structuredContent ?? { threads: parse(text) }) as Partial<ThreadList>
  if (!Array.isArray(list.threads)) {
    problem.value = 'The relay returned no thread list.'
    return
  }
  takeList(list.threads, list.remaining_count ?? 0)
  schedule()
}

function takeList(list: Thread[], more: number): void {
  problem.value = ''
  threads.value = list
  remaining.value = more
  asOf.value = Date.now()
}

/** Looks again soon, while the view can be seen and the host passes calls on. */
export function schedule(): void {
  clearTimeout(timer)
  const mayAsk = capabilities.peek().serverTools !== undefined
  if (document.hidden || !isOnScreen || isEnded || isStale.peek() || !mayAsk) return
  timer = setTimeout(() => void look(), PAUSE)
}

async function look(): Promise<void> {
  try {
    const { threads: list, remaining_count } = await call<ThreadList>('relay_list_threads', {
      ...wanted,
      preview: true,
      limit: THREADS,
    })
    const name = opened.peek()?.name
    const before = threads.peek()?.find((thread) => thread.name === name)
    takeList(list, remaining_count)
    const now = list.find((thread) => thread.name === name)
    if (name !== undefined && now?.latest?.seq !== before?.latest?.seq) await openThread(name)
    schedule()
  } catch (error) {
    if (error instanceof Refusal) {
      problem.value = error.message
      schedule()
    } else {
      // A host that does not pass the call on will not pass on the next one either.
      isStale.value = true
    }
  }
}

/** Follows again. */
export function resume(): void {
  isStale.value = false
  void look()
}

/** Shows the latest messages of a thread. */
export async function openThread(name: string): Promise<void> {
  if (opened.peek()?.name !== name) opened.value = { name, messages: undefined }
  try {
    const reading = await call<Reading>('relay_read_thread', { thread_name: name, limit: MESSAGES })
    if (opened.peek()?.name === name)
      opened.value = { name, messages: reading.messages.toReversed() }
  } catch (error) {
    // Another thread may have been opened meanwhile.
    if (opened.peek()?.name !== name) return
    problem.value = (error as Error).message
    opened.value = undefined
  }
}

/** Shows a message whole that came cut. */
export async function showWhole(name: string, seq: number): Promise<string> {
  const [whole] = (await call<Reading>('relay_read_thread', { thread_name: name, seq })).messages
  const open = opened.peek()
  if (!whole) throw new Error('The message no longer exists.')
  if (open?.name !== name) return whole.content
  const messages = open.messages?.map((message) => (message.seq === seq ? whole : message))
  opened.value = { name, messages }
  return whole.content
}

export function closeThread(): void {
  opened.value = undefined
}

/** Stops everything: the host is about to remove the view. */
export function end(): void {
  isEnded = true
  clearTimeout(timer)
}

/** The relay's own refusal; it may succeed in a moment. */
class Refusal extends Error {}

async function call<Result>(name: string, args: Record<string, unknown>): Promise<Result> {
  const result = await bridge.request<CallToolResult>('tools/call', { name, arguments: args })
  const text = result.content?.find(({ type }) => type === 'text')?.text ?? ''
  if (result.isError) throw new Refusal(text || 'The relay refused the call.')
  const answer = result.structuredContent ?? parse(text)
  if (typeof answer !== 'object' || answer === null)
    throw new Error('The relay returned an unreadable answer.')
  return answer as Result
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
