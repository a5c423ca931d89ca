/** `relay_create_thread`: open a named thread before anything is posted to it. */
import * as z from 'zod/mini'
import { label, text } from './fields.ts'
import { defineTool } from './tool.ts'

const Input = z.strictObject({
  name: label(
    'The name: short-dash-separated, by topic and not by day, such as "billing-migration".',
  ),
  description: z.optional(text(2000, 'What the thread is for, in a sentence or two.')),
})

const Output = z.looseObject({ id: z.string(), name: z.string(), created_at: z.string() })

export const createThread = defineTool({
  name: 'relay_create_thread',
  title: 'Create thread',
  description:
    'Open a named thread and describe what it is for, when its name alone does not say so. Not ' +
    'needed before posting: relay_post_message opens a missing thread by itself. Fails if the name ' +
    'is taken, by an archived thread too.',
  inputSchema: Input,
  outputSchema: Output,
  annotations: {
    readOnlyHint: false,
    destructiveHint: false,
    idempotentHint: false,
    openWorldHint: false,
  },

  async handler({ name, description }, { db, userId }) {
    const args = { p_user_id: userId, p_name: name, p_description: description }
    return db.call('relay_create_thread', args, Output, {
      ifUnknown: 'The thread may exist now: look with relay_list_threads.',
    })
  },
})
