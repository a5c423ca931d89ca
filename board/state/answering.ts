/** Answering one message: the field of its thread, addressed to its author, with a line of what is answered. */
import { isPerson, type Message, nameOf, PERSON } from '../relay/types.ts'
import { excerptAround } from '../text/words.ts'
import { quote } from './drafts.ts'
import { go, route } from './route.ts'

/** Characters that are shown of a message that is answered. */
const LINE = 140

/** The line that is shown of a message that is answered. */
export function lineOf(message: Message): string {
  return message.redacted ? 'Taken back' : excerptAround(message.content.slice(0, 1_000), [], LINE)
}

/** Begins an answer, and goes to its field. */
export function answer(thread: string, message: Message): void {
  const { seq, from, to = '' } = message
  // A session that calls itself as the person does cannot be addressed.
  const author = from === PERSON ? '' : (from ?? '')
  const addressee = isPerson(message) ? to : author
  const at = route.peek()
  if (at.at !== 'thread' || at.name !== thread) go({ at: 'thread', name: thread, seq })
  quote(thread, { seq, name: nameOf(message), to: addressee, line: lineOf(message) })
}
