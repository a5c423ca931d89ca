/** `relay_list_threads`: which threads there are, what is unread in each, and who reads here. */
import * as z from 'zod/mini'
import { withoutNulls } from '../answers.ts'
import {
  count,
  flag,
  integer,
  newReaderFields,
  optionalLabel,
  optionalQuery,
  readers,
} from './fields.ts'
import { listReaders, noteNewReader, rankKnownReaders, tally } from './notes.ts'
import { defineTool } from './tool.ts'

const Input = z.strictObject({
  include_archived: z._default(flag('Also list archived threads.'), false),
  reader_tag: optionalLabel('Your reader_tag: adds unread_count to each thread.'),
  query: optionalQuery(200, 'Only threads with this text in their name or description.'),
  preview: z._default(flag('Add the latest message of each thread, in one line.'), false),
  limit: z._default(integer(1, 500, 'Most threads to return.'), 100),
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

const Answer = withoutNulls(
  z.extend(Output, { readers, archived_count: z.optional(count), ...newReaderFields }),
)

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

  async handler(args, { db, userId, caller, isLean }) {
    const answer = await db.call(
      'relay_list_threads',
      {
        p_user_id: userId,
        p_include_archived: args.include_archived,
        p_reader_tag: args.reader_tag,
        p_query: args.query,
        p_preview: args.preview,
        p_limit: args.limit,
        p_lean: isLean,
        p_caller: caller,
      },
      Answer,
      { retry: true },
    )
    return rankKnownReaders(answer, args.reader_tag)
  },
  text: ({ threads }) => threads,
  note: (answer) => [
    ...(answer.archived_count
      ? [`Archived: ${tally(answer.archived_count, 'thread')}, listed with include_archived=true`]
      : []),
    ...(answer.remaining_count > 0
      ? [`${tally(answer.remaining_count, 'more thread')}: pass query, or a higher limit`]
      : []),
    ...(answer.new_reader ? noteNewReader(answer) : noteReaders(answer.readers)),
  ],
})

function noteReaders(others: z.infer<typeof readers>): string[] {
  return others.length > 0 ? [`Readers: ${listReaders(others)}`] : []
}
