/** `relay_create_thread`: open a named thread before anything is posted to it. */
import * as z from 'zod/mini'
import { label, optionalText } from './fields.ts'
import { defineTool } from './tool.ts'

const Input = z.strictObject({
  name: label('Short, dash-separated, by topic and not by day: "billing-migration".'),
  description: optionalText(2000, 'What the thread is for, in a sentence or two.'),
})

const Output = z.looseObject({ name: z.string(), created_at: z.string() })

export const createThread = defineTool({
  name: 'relay_create_thread',
  title: 'Create thread',
  description:
    'Create a named thread with a description. Rarely needed: relay_post_message creates missing ' +
    'threads. Fails if the name is taken, even in another spelling or by an archived thread.',
  inputSchema: Input,
  outputSchema: Output,
  annotations: {
    readOnlyHint: false,
    destructiveHint: false,
    idempotentHint: false,
    openWorldHint: false,
  },

  handler: ({ name, description }, { db }) => db.call('relay_create_thread', { name, description }),
})
