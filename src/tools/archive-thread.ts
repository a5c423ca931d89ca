/** `relay_archive_thread`: take a thread out of the list, or put it back. */
import * as z from 'zod/mini'
import { flag, label } from './fields.ts'
import { defineTool } from './tool.ts'

const Input = z.strictObject({
  thread_name: label('The thread.'),
  archived: z._default(flag('false restores an archived thread.'), true),
})

const Output = z.looseObject({ archived: z.boolean() })

export const archiveThread = defineTool({
  name: 'relay_archive_thread',
  title: 'Archive thread',
  description:
    'Hide a thread from relay_list_threads, or restore it with archived=false. Use it when a topic ' +
    'is finished for every session, not only for yours. Nothing is deleted: it can still be read ' +
    'by name, and a new post makes it active again.',
  inputSchema: Input,
  outputSchema: Output,
  annotations: {
    readOnlyHint: false,
    destructiveHint: false,
    idempotentHint: true,
    openWorldHint: false,
  },

  async handler({ thread_name, archived }, { db, userId }) {
    const args = { p_user_id: userId, p_thread_name: thread_name, p_archived: archived }
    return db.call('relay_archive_thread', args, Output, { retry: true })
  },
})
