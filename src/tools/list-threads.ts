/** `relay_list_threads`: the threads, their unread counts, and the readers. */
import * as z from 'zod/mini'
import { count, flag, integer, optionalLabel, optionalQuery } from './fields.ts'
import {
  listReaders,
  noteAddressedUnread,
  noteNewReader,
  type ReaderAnswer,
  rankKnownReaders,
  type Seen,
  tally,
} from './notes.ts'
import type { Thread } from './shape.ts'
import { defineTool } from './tool.ts'

const Input = z.strictObject({
  include_archived: z._default(flag('Also list archived threads.'), false),
  reader_tag: optionalLabel('Your reader_tag: adds unread_count to each thread.'),
  query: optionalQuery(200, 'Only threads with this text in their name or description.'),
  preview: z._default(flag('Add the latest message of each thread, in one line.'), false),
  limit: z._default(integer(1, 500, 'Maximum number of threads to return.'), 100),
})

const Output = z.looseObject({
  threads: z.array(
    z.looseObject({
      name: z.string(),
      message_count: count,
      unread_count: z.optional(count),
    }),
  ),
  remaining_count: count,
})

interface Listed extends ReaderAnswer {
  threads: Thread[]
  remaining_count: number
  archived_count?: number
  readers: Seen[]
}

export const listThreads = defineTool({
  name: 'relay_list_threads',
  title: 'List threads',
  description:
    'List the threads of this relay, latest activity first, and the readers you can address with ' +
    '`to`. Use it to find the thread of a topic before you post or read. For what is new, call ' +
    'relay_check_new instead: one call returns the messages.',
  inputSchema: Input,
  outputSchema: Output,
  annotations: {
    readOnlyHint: true,
    destructiveHint: false,
    idempotentHint: true,
    openWorldHint: false,
  },
  _meta: { 'anthropic/maxResultSizeChars': 500_000 },

  async handler({ reader_tag, ...args }, { db }) {
    const answer = await db.call<Listed>(
      'relay_list_threads',
      { reader_tag, ...args },
      { retry: true },
    )
    return rankKnownReaders(answer, reader_tag)
  },
  text: ({ threads }) => threads,
  note: (answer) => [
    ...(answer.archived_count
      ? [`Archived: ${tally(answer.archived_count, 'thread')}, listed with include_archived=true`]
      : []),
    ...(answer.remaining_count > 0
      ? [`${tally(answer.remaining_count, 'more thread')}: pass query, or a higher limit`]
      : []),
    ...noteAddressedUnread(answer, false),
    ...(answer.new_reader ? noteNewReader(answer, false) : noteReaders(answer.readers)),
  ],
})

function noteReaders(others: Seen[]): string[] {
  return others.length > 0 ? [`Readers: ${listReaders(others)}`] : []
}
