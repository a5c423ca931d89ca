/**
 * The open thread: a window of its messages without gaps, oldest first, that grows at both ends as the
 * person scrolls. Reading here moves no cursor; read-state.ts marks what was on screen.
 */
import { batch, effect, signal } from '@preact/signals'
import { callTool } from '../relay/client.ts'
import { isPerson, type Message, PERSON, type Reading } from '../relay/types.ts'
import { route } from './route.ts'
import { noteFault, noteSuccess } from './status.ts'
import { findThread, onChange } from './threads.ts'

/** Messages of a page. The relay returns fewer when they are long. */
const PAGE = 60

/** Messages shown below the one that is opened. */
const BELOW = 25

export interface Transcript {
  name: string
  /** `missing`: no such thread, or none any more. */
  status: 'loading' | 'ready' | 'missing' | 'failed'
  messages: Message[]
  /** Messages older than these. */
  olderCount: number
  /** Whether there are messages newer than these. */
  hasNewer: boolean
  /** The first message that the person had not read when the thread was opened. */
  firstUnread?: number
  /** How many they were. */
  unreadCount: number
  /** Where to scroll to: a message, or the end. Each jump has an object of its own. */
  aim: { seq?: number }
  /** What went wrong, when `failed`. */
  problem?: string
}

export const transcript = signal<Transcript | undefined>(undefined)

let opening: AbortController | undefined
let isGrowing = false

/** Follows the route and the list from now on. */
export function followTranscript(): void {
  effect(() => {
    const to = route.value
    if (to.at !== 'thread') {
      opening?.abort()
      transcript.value = undefined
    } else if (isInView(to.name, to.seq)) {
      const open = transcript.peek() as Transcript
      if (to.seq !== undefined) transcript.value = { ...open, aim: { seq: to.seq } }
    } else void open(to.name, to.seq)
  })
  onChange((changed) => {
    const open = transcript.peek()
    if (open?.status === 'ready' && changed.some(({ name }) => name === open.name)) void noteNews()
    else if (open && open.status !== 'loading') retryTranscript()
  })
}

/** Opens the thread again after a fault. */
export function retryTranscript(): void {
  const to = route.peek()
  if (to.at === 'thread' && transcript.peek()?.status !== 'ready') void open(to.name, to.seq)
}

function isInView(name: string, seq: number | undefined): boolean {
  const open = transcript.peek()
  if (open?.name !== name || open.status !== 'ready') return false
  return seq === undefined || open.messages.some((message) => message.seq === seq)
}

async function open(name: string, seq?: number): Promise<void> {
  opening?.abort()
  opening = new AbortController()
  const { signal } = opening
  const shown = transcript.peek()
  if (shown?.name !== name || shown.status !== 'ready') {
    transcript.value = {
      name,
      status: 'loading',
      messages: [],
      olderCount: 0,
      hasNewer: false,
      unreadCount: 0,
      aim: {},
    }
  }
  try {
    const [reading, news] = await Promise.all([
      read({ thread_name: name, limit: PAGE, ...(seq && { before_seq: seq + BELOW }) }, signal),
      callTool(
        'relay_check_new',
        { reader_tag: PERSON, thread_name: name, peek: true, limit: 1 },
        signal,
      ),
    ])
    const firstUnread = news.messages[0]?.seq
    let page = reading
    const lowest = reading.messages.at(-1)?.seq ?? 0
    // The person continues where they stopped, which may be far up.
    if (seq === undefined && firstUnread !== undefined && firstUnread < lowest) {
      page = await read({ thread_name: name, limit: PAGE, before_seq: firstUnread + BELOW }, signal)
    }
    const messages = page.messages.toReversed()
    const newest = Math.max(reading.messages[0]?.seq ?? 0, lastSeq(name))
    noteSuccess()
    transcript.value = {
      name,
      status: 'ready',
      messages,
      olderCount: page.older_count ?? 0,
      hasNewer: (messages.at(-1)?.seq ?? 0) < newest,
      unreadCount: news.remaining_count,
      ...(firstUnread !== undefined && { firstUnread }),
      aim:
        seq === undefined && firstUnread === undefined
          ? {}
          : { seq: (seq ?? firstUnread) as number },
    }
  } catch (error) {
    if (signal.aborted) return
    const fault = noteFault(error)
    const status = fault.code === 'thread_not_found' ? 'missing' : 'failed'
    const kept = transcript.peek()
    // What is on screen stays while the database is away.
    if (kept?.status === 'ready' && status === 'failed') return
    transcript.value = {
      name,
      status,
      messages: [],
      olderCount: 0,
      hasNewer: false,
      unreadCount: 0,
      aim: {},
      problem: fault.message,
    }
  }
}

function read(args: Record<string, unknown>, signal?: AbortSignal): Promise<Reading> {
  return callTool('relay_read_thread', args, signal)
}

function lastSeq(name: string): number {
  return findThread(name)?.latest?.seq ?? 0
}

/** Loads what came after a window that ends at the thread's end; a person further up is only told. */
async function noteNews(): Promise<void> {
  const open = transcript.peek()
  if (!open) return
  const newest = open.messages.at(-1)?.seq ?? 0
  if (lastSeq(open.name) <= newest) return
  if (!open.hasNewer) return loadNewer()
}

/** Loads the page before the window. */
export function loadOlder(): Promise<void> {
  return grow(async (open) => {
    const lowest = open.messages[0]?.seq
    if (open.olderCount === 0 || lowest === undefined) return
    const page = await read({ thread_name: open.name, limit: PAGE, before_seq: lowest })
    put(open.name, page.messages, { olderCount: page.older_count ?? 0 })
  })
}

/** Loads the page after the window. */
export function loadNewer(): Promise<void> {
  return grow(async (open) => {
    const highest = open.messages.at(-1)?.seq ?? 0
    let from = highest + PAGE + 1
    let added: Message[] = []
    // A page is filled from its end, so long messages may leave out those next to the window.
    while (from > highest + 1) {
      const page = await read({ thread_name: open.name, limit: PAGE, before_seq: from })
      const fresh = page.messages.filter(({ seq }) => seq > highest)
      added = [...added, ...fresh]
      const lowest = page.messages.at(-1)?.seq ?? 0
      if (fresh.length < page.messages.length || page.messages.length === 0) break
      from = lowest
    }
    const newest = added.reduce((max, { seq }) => Math.max(max, seq), highest)
    put(open.name, added, { hasNewer: newest < lastSeq(open.name) })
  })
}

/** Shows the end of the thread. */
export async function jumpToEnd(): Promise<void> {
  const open = transcript.peek()
  if (!open) return
  if (!open.hasNewer) return
  await grow(async ({ name }) => {
    const page = await read({ thread_name: name, limit: PAGE })
    if (transcript.peek()?.name !== name) return
    transcript.value = {
      ...open,
      messages: page.messages.toReversed(),
      olderCount: page.older_count ?? 0,
      hasNewer: false,
      aim: {},
    }
  })
}

/** Replaces a message that was cut by the whole one. */
export async function showWhole(name: string, seq: number): Promise<void> {
  const { messages } = await read({ thread_name: name, seq })
  const [whole] = messages
  if (whole) put(name, [whole], {})
}

/** Adds a message that this board has just posted. */
export function addOwn(name: string, message: Message): void {
  const open = transcript.peek()
  if (open?.name !== name) return
  const newest = open.messages.at(-1)?.seq ?? 0
  if (open.status === 'ready' && !open.hasNewer && message.seq === newest + 1)
    put(name, [message], {})
  else if (open.status === 'ready') void loadNewer()
  else if (open.status === 'missing') retryTranscript()
}

async function grow(by: (open: Transcript) => Promise<void>): Promise<void> {
  const open = transcript.peek()
  if (open?.status !== 'ready' || isGrowing) return
  isGrowing = true
  try {
    await by(open)
    noteSuccess()
  } catch (error) {
    const fault = noteFault(error)
    if (fault.code === 'thread_not_found') retryMissing(open.name)
  } finally {
    isGrowing = false
  }
}

function retryMissing(name: string): void {
  if (transcript.peek()?.name === name) void open(name)
}

/** Puts messages into the open window, each once and in order. */
function put(name: string, added: Message[], change: Partial<Transcript>): void {
  const open = transcript.peek()
  if (open?.name !== name) return
  const bySeq = new Map(open.messages.map((message) => [message.seq, message]))
  for (const message of added) bySeq.set(message.seq, message)
  const isAppended = (added.at(-1)?.seq ?? 0) > (open.messages.at(-1)?.seq ?? 0)
  batch(() => {
    transcript.value = {
      ...open,
      messages: [...bySeq.values()].sort((a, b) => a.seq - b.seq),
      ...change,
    }
    if (isAppended) countNews(added.filter((message) => !isPerson(message)).length)
  })
}

/** Messages that came while the thread was open, for those who do not see them arrive. */
export const arrived = signal(0)

function countNews(count: number): void {
  arrived.value += count
}

/** The whole thread, oldest first; calls back with how many of them have been read. Throws Fault. */
export async function readAll(
  name: string,
  onProgress: (done: number, total: number) => void,
): Promise<Message[]> {
  const pages: Message[][] = []
  let before: number | undefined
  let done = 0
  do {
    const page: Reading = await read({
      thread_name: name,
      limit: 500,
      ...(before !== undefined && { before_seq: before }),
    })
    const whole = await Promise.all(
      page.messages.map((message) => (message.content_length ? readWhole(name, message) : message)),
    )
    pages.push(whole.toReversed())
    done += whole.length
    onProgress(done, done + (page.older_count ?? 0))
    before = page.older_count ? page.next_before_seq : undefined
  } while (before !== undefined)
  return pages.toReversed().flat()
}

async function readWhole(name: string, message: Message): Promise<Message> {
  const { messages } = await read({ thread_name: name, seq: message.seq })
  return messages[0] ?? message
}
