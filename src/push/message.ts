/** The text of push messages, which board/public/sw.js reads: names and numbers, never what a message says. */
import { boardLink, cutName, type PostedMessage } from '../events/event-type.ts'
import { MAX_TEXT } from './encryption.ts'

/** Characters of a name: more than the title of a notification shows. */
const MAX_NAME = 80

/** A message to the person. `open`: how many such messages wait for an answer. */
export function messageText(
  { thread_name, seq, from, surface }: PostedMessage,
  open: number,
  tag: string | undefined,
): string {
  const thread = cutName(thread_name, MAX_NAME)
  const author = cutName(from ?? surface, MAX_NAME)
  const write = (link: string) =>
    JSON.stringify({ type: 'message', thread, author, seq, open, link, tag })
  const text = write(boardLink('', thread_name, seq))
  // The name of a thread of relay-mcp 0.1.0 may be longer than a push message.
  return new TextEncoder().encode(text).length <= MAX_TEXT ? text : write('/board/')
}

/** The message with which the person tries a device. */
export function testText(): string {
  return JSON.stringify({ type: 'test', link: '/board/' })
}
