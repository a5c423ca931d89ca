/** `relay_list_threads`: which threads there are, and what a reader has not read of each. */
import * as z from 'zod/mini'
import { count, flag, integer, optionalTag, text } from './fields.ts'
import { defineTool } from './tool.ts'

const Input = z.strictObject({
  include_archived: z._default(flag('Also list archived threads.'), false),
  reader_tag: optionalTag('Your reader_tag: adds unread_count to each thread.'),
  query: z.optional(text(200, 'Only threads with this in their name or description.')),
  limit: z._default(integer(1, 500, 'How many threads at most.'), 100),
})

const Output = z.looseObject({
  threads: z.array(
    z.looseObject({
      id: z.string(),
      name: z.string(),
      description: z.nullable(z.string()),
      last_message_at: z.nullable(z.string()),
      archived: z.boolean(),
      message_count: count,
      unread_count: z.optional(count),
    }),
  ),
  remaining_count: count.check(z.meta({ description: 'Threads beyond the limit.' })),
})

export const listThreads = defineTool({
  name: 'relay_list_threads',
  title: 'List threads',
  description:
    'List the threads of this relay, latest activity first, with message counts. Use it to find a ' +
    'thread by topic before you post or read. For what is new since last time, relay_check_new ' +
    'is better: one call, with the messages.',
  inputSchema: Input,
  outputSchema: Output,
  annotations: {
    readOnlyHint: true,
    destructiveHint: false,
    idempotentHint: true,
    openWorldHint: false,
  },

  async handler({ include_archived, reader_tag, query, limit }, { db, userId }) {
    const args = {
      p_user_id: userId,
      p_include_archived: include_archived,
      p_reader_tag: reader_tag || undefined,
      p_query: query,
      p_limit: limit,
    }
    return db.call('relay_list_threads', args, Output, { retry: true })
  },
  text: ({ threads }) => threads,
  note: ({ remaining_count }) =>
    remaining_count > 0 ? [`${remaining_count} more threads: pass query, or a higher limit`] : [],
})
