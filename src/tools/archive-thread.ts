/** `relay_archive_thread`: hide a finished thread from the list, or restore it. */
import * as z from 'zod/mini'
import { withoutNulls } from '../answers.ts'
import { flag, label } from './fields.ts'
import { defineTool } from './tool.ts'

const Input = z.strictObject({
  thread_name: label('The thread.'),
  archived: z._default(flag('false restores an archived thread.'), true),
})

const Output = z.looseObject({ archived: z.boolean() })

const Answer = withoutNulls(Output)

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

  async handler({ thread_name, archived }, { db, userId, isLean }) {
    const args = {
      p_user_id: userId,
      p_thread_name: thread_name,
      p_archived: archived,
      p_lean: isLean,
    }
    return db.call('relay_archive_thread', args, Answer, { retry: true })
  },
})
