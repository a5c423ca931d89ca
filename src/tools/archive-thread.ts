/** `relay_archive_thread`: hide a finished thread from the list, or restore it. */
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
    'Hide a thread from the list when its topic is finished for everyone, or restore it. Deletes ' +
    'nothing: messages stay readable, unread ones still reach their readers, and posting reopens it.',
  inputSchema: Input,
  outputSchema: Output,
  annotations: {
    readOnlyHint: false,
    destructiveHint: false,
    idempotentHint: true,
    openWorldHint: false,
  },

  handler: ({ thread_name, archived }, { db }) =>
    db.call('relay_archive_thread', { thread_name, archived }, { retry: true }),
  faithful: ({ thread_name, ...answer }) => answer,
})
