/** Reading a thread: a page, around a message, or all of it. Nothing here moves a cursor. */
import { callTool } from '../relay/client.ts'
import { type Message, PERSON, type Reading } from '../relay/types.ts'

/** Messages of a page. The relay returns fewer when they are long. */
export const PAGE = 60

/** The most messages of a page that the relay takes. */
const MOST = 500

/** Messages shown below the one that is opened, and how many of them when they are long. */
const BELOW = 25
const FEW_BELOW = 8

/** One answer of relay_read_thread, newest first. Throws Fault. */
export function read(args: Record<string, unknown>, signal?: AbortSignal): Promise<Reading> {
  return callTool('relay_read_thread', args, signal)
}

/**
 * Messages of a thread as their author reads them, with what became of them; newest first. It moves no cursor,
 * because it says before which seq. Throws Fault.
 */
export function readOwn(args: Record<string, unknown>, signal?: AbortSignal): Promise<Reading> {
  return read({ before_seq: Number.MAX_SAFE_INTEGER, ...args, reader_tag: PERSON }, signal)
}

/** A page with that message in it, and some of those that follow, newest first. Throws Fault. */
export async function readAround(name: string, seq: number, signal: AbortSignal): Promise<Reading> {
  const args = { thread_name: name, limit: PAGE }
  const around = await readOwn({ ...args, before_seq: seq + BELOW }, signal)
  const lowest = around.messages.at(-1)?.seq ?? 0
  if (lowest <= seq || !around.older_count) return around
  // An answer is filled from its end, so long messages have pushed out the one that is meant.
  const [page, below] = await Promise.all([
    readOwn({ ...args, before_seq: seq + 1 }, signal),
    readAfter(name, seq, FEW_BELOW, signal),
  ])
  return { ...page, messages: [...below, ...page.messages] }
}

/** The messages with the `count` seqs after that one, newest first, without a gap. Throws Fault. */
export async function readAfter(
  name: string,
  seq: number,
  count: number,
  signal: AbortSignal,
): Promise<Message[]> {
  let from = seq + count + 1
  let found: Message[] = []
  // An answer is filled from its end, so long messages may leave out those next to the given one.
  while (from > seq + 1) {
    const limit = Math.min(count, MOST)
    const page = await readOwn({ thread_name: name, limit, before_seq: from }, signal)
    const fresh = page.messages.filter((message) => message.seq > seq)
    found = [...found, ...fresh]
    if (fresh.length < page.messages.length || page.messages.length === 0) break
    from = page.messages.at(-1)?.seq ?? 0
  }
  return found
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
      limit: MOST,
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

/** The latest messages of a thread, oldest first, as the relay gives them. Throws Fault. */
export async function readLatest(name: string): Promise<Message[]> {
  return (await read({ thread_name: name, limit: 100 })).messages.toReversed()
}

async function readWhole(name: string, message: Message): Promise<Message> {
  const { messages } = await read({ thread_name: name, seq: message.seq })
  return messages[0] ?? message
}
