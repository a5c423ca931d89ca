/** Reading a thread: a page, the end, or all of it. Nothing here moves a cursor. */
import { callTool } from '../relay/client.ts'
import type { Message, Reading } from '../relay/types.ts'

/** One answer of relay_read_thread, newest first. Throws Fault. */
export function read(args: Record<string, unknown>, signal?: AbortSignal): Promise<Reading> {
  return callTool('relay_read_thread', args, signal)
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

/** The latest messages of a thread, oldest first, as the relay gives them. Throws Fault. */
export async function readLatest(name: string): Promise<Message[]> {
  return (await read({ thread_name: name, limit: 100 })).messages.toReversed()
}

async function readWhole(name: string, message: Message): Promise<Message> {
  const { messages } = await read({ thread_name: name, seq: message.seq })
  return messages[0] ?? message
}
