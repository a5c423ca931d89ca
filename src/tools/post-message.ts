/** `relay_post_message`: write a message into a thread, for every other session to read. */
import * as z from 'zod/mini'
import { quote, resembling } from '../similar.ts'
import { count, label, narrow, optionalLabel, seq, surface, text } from './fields.ts'
import { metadata } from './metadata.ts'
import {
  noteAddressedUnread,
  noteNewReader,
  noteSent,
  noteSkipped,
  type ReaderAnswer,
  rankKnownReaders,
  type Seen,
} from './notes.ts'
import { defineTool } from './tool.ts'
import { announce } from './wait.ts'

const Input = z.strictObject({
  thread_name: label(
    'The thread; created if it is missing. Short, dash-separated, by topic and not by day.',
  ),
  content: text(
    100_000,
    'The message, in Markdown, complete enough for a session without your context. At most 100,000 characters.',
  ),
  surface: surface(
    'Where you run: chat (Claude.ai, Desktop), cowork, code (a coding tool) or other.',
  ),
  session_tag: optionalLabel('Which session wrote this, for people: "laptop", "nightly-report".'),
  metadata: z.optional(metadata),
  reader_tag: optionalLabel(
    'Your reader_tag: stored as `from`. You do not receive your own message.',
  ),
  to: narrow(
    optionalLabel(
      'The recipient\'s reader_tag: a new one, or your own for a later session, gets it too. "board" is the person.',
    ),
  ),
  reply_to: narrow(
    z.optional(seq('The seq in this thread of the message that you answer; sets `to`.')),
  ),
  idempotency_key: optionalLabel(
    'For programs: posting the same message again with the same key adds nothing.',
  ),
})

const Output = z.looseObject({
  thread_name: z.string(),
  seq: count,
  created_at: z.string(),
  unread_count: z.optional(count),
  duplicate: z.optional(z.boolean()),
})

interface Posted extends ReaderAnswer {
  thread_name: string
  seq: number
  created_at: string
  unread_count?: number
  unread_count_is_minimum?: boolean
  duplicate?: boolean
  thread_created?: boolean
  thread_reopened?: boolean
  to?: string
  to_last_seen_at?: string
  to_only_posts?: boolean
  only_reader?: boolean
  /** Made of the names that the thread and the reader may have been mistaken for. */
  similar_thread?: NamedThread
  similar_reader?: string
  other_threads?: NamedThread[]
  other_readers?: Seen[]
}

interface NamedThread {
  name: string
  message_count: number
  archived?: boolean
}

export const postMessage = defineTool({
  name: 'relay_post_message',
  title: 'Post message',
  description:
    'Post a message to a thread, where every other session can read it: a hand-off, a question, an ' +
    'answer, the state of your work. Not for private notes, logs or file contents: post a reference ' +
    'instead. One message per topic; correct an earlier message with a new one. Mark what you have not ' +
    'verified. Never post passwords, keys or other secrets. Creates a missing thread and reopens an ' +
    'archived one, and says so.',
  inputSchema: Input,
  outputSchema: Output,
  annotations: {
    readOnlyHint: false,
    destructiveHint: false,
    idempotentHint: false,
    openWorldHint: false,
  },

  async handler(message, { db, notifyFor, origin }) {
    // The id is ours, so that a retry finds the message that the first attempt may have written.
    const args = {
      message_id: crypto.randomUUID(),
      ...message,
      ...(notifyFor && message.to !== undefined && { notify: { for: [...notifyFor], origin } }),
    }
    const options = { retry: true, ifUnknown: describeUnknown(message.idempotency_key) }
    const posted = await db.call<Posted>('relay_post_message', args, options)
    const { other_threads = [], other_readers = [], ...answer } = posted
    const { reader_tag } = message
    const { thread_name, to } = answer
    announce({ thread_name, from: reader_tag, to })
    const similar_thread = findSimilar(answer.thread_name, other_threads)
    const known = other_readers.map((reader) => reader.reader_tag)
    const [similar_reader] =
      to === undefined || answer.to_only_posts ? [] : resembling(to, known, 1)
    const told: Posted = {
      ...answer,
      ...(similar_thread && { similar_thread }),
      ...(similar_reader !== undefined && { similar_reader }),
    }
    return rankKnownReaders(told, reader_tag)
  },
  note: (answer, { reader_tag }, isSeen) => [
    ...(answer.similar_thread ? ['If you meant similar_thread, post there'] : []),
    ...noteAddressee(answer, reader_tag),
    ...(reader_tag === undefined && !answer.duplicate
      ? [
          'Posted without a reader_tag: your own checks return it as news, and an answer cannot be addressed to you',
        ]
      : []),
    ...(answer.unread_count ? ['Others posted here before you: read it with relay_check_new'] : []),
    ...noteAddressedUnread(answer, isSeen),
    ...noteSent(answer, isSeen),
    ...(answer.only_reader
      ? [
          'No other reader is known yet. If every session uses this reader_tag, they do not receive the messages of each other',
        ]
      : []),
    ...noteNewReader(answer, true),
    ...noteSkipped(answer),
  ],
})

function describeUnknown(idempotencyKey: string | undefined): string {
  return idempotencyKey
    ? 'It is not known whether the message was posted: call again with the same idempotency_key, which posts it only once.'
    : 'It is not known whether the message was posted: look at the newest messages with relay_read_thread before you post it again.'
}

/** The thread that a new name may have meant. */
function findSimilar(name: string, threads: NamedThread[]) {
  const [nearest] = resembling(
    name,
    threads.map((thread) => thread.name),
    1,
  )
  return threads.find((thread) => thread.name === nearest)
}

function noteAddressee(
  { to, to_last_seen_at, to_only_posts, similar_reader }: Posted,
  readerTag: string | undefined,
): string[] {
  if (to === undefined || to_last_seen_at) {
    if (to === undefined || to !== readerTag) return []
    return [
      'Addressed to your own reader_tag: the next check under this tag receives it, even one by this session; until then, check with peek and since',
    ]
  }
  if (to_only_posts) {
    return [
      `${quote(to)} posts under that session_tag, but has never read: it receives this if it checks with it as reader_tag`,
    ]
  }
  return [
    `No reader ${quote(to)} has been seen yet: it receives this with its first check`,
    ...(similar_reader === undefined ? [] : ['If you meant similar_reader, post again to it']),
  ]
}
