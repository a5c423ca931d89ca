/** The person's actions on threads, messages and readers, which SQL runs: migrations/source/functions/. */
import * as z from 'zod/mini'
import { flag, label, optionalLabel, seq, text } from '../tools/fields.ts'
import { type Action, defineAction } from './action.ts'

const thread_name = label('The thread.')
const reader_tag = label('The reader.')
const place = { thread_name, seq: seq('The message.') }

const action = (fields: z.core.$ZodShape): Action =>
  defineAction({ inputSchema: z.strictObject(fields) })

export const THREAD_ACTIONS: Record<string, Action> = {
  rename_thread: action({ thread_name, name: label('The new name.') }),
  /** Without a description, the thread has none afterwards. */
  describe_thread: action({
    thread_name,
    description: z.optional(text(2000, 'What it is about.')),
  }),
  list_due_threads: defineAction({
    inputSchema: z.strictObject({}),
    handler: (_, { config, run }) => run({ days: config.deleteArchivedDays }),
  }),
  delete_thread: action({ thread_name, confirm: label('The name of the thread again.') }),
  redact_message: action(place),
  settle_message: action({ ...place, settled: z._default(flag('False takes it back.'), true) }),
  list_readers: action({
    reader_tag: optionalLabel('Only this one, with its unread count.'),
    after: optionalLabel('The next page: next_after of the last.'),
  }),
  forget_reader: action({ reader_tag }),
}
