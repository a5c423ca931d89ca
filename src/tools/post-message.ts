/** `relay_post_message`: put a message into a thread, for every other session to read. */
import * as z from 'zod/mini'
import { shown } from './arguments.ts'
import { count, label, optionalTag, surface, text } from './fields.ts'
import { defineTool } from './tool.ts'

/** 16 KB of JSON: facts beside the message, not the message. */
const MAX_METADATA_BYTES = 16_384

const Input = z.strictObject({
  thread_name: label(
    'The thread, created if it is missing. Short-dash-separated, by topic and not by day.',
  ),
  content: text(
    100_000,
    'The message, best in Markdown: whole enough for a session that knows nothing of yours.',
  ),
  surface: surface(
    'Where you run: chat (Claude.ai, Desktop), cowork, code (a coding tool) or other.',
  ),
  session_tag: optionalTag('Which session this is, for people: "laptop", "nightly-report".'),
  metadata: z.optional(
    z.custom<Record<string, unknown>>().check(
      z.check(({ value, issues }) => {
        const message = metadataFault(value)
        if (message) issues.push({ code: 'custom', message, input: value, path: [] })
      }),
      z.meta({
        type: 'object',
        description:
          'Facts for programs, such as a branch or a URL: a JSON object of at most 16 KB.',
      }),
    ),
  ),
  reader_tag: optionalTag('Your reader_tag: your own message is then not handed to you as news.'),
  idempotency_key: z.optional(
    label('A key of your own for this message: posting it again with the same key adds nothing.'),
  ),
})

const Output = z.looseObject({
  id: z.string(),
  thread_id: z.string(),
  created_at: z.string(),
  seq: count.check(z.meta({ description: 'Place in the thread.' })),
  thread_created: z.optional(z.boolean()),
  thread_reopened: z.optional(z.boolean()),
  duplicate: z.optional(z.boolean()),
})

export const postMessage = defineTool({
  name: 'relay_post_message',
  title: 'Post message',
  description:
    'Post a message to a thread, where every other session can read it: a hand-off, a question, ' +
    'an answer, the state of your work. Not for notes to yourself, and not for logs and files: say ' +
    'where they are. Creates a missing thread and reopens an archived one, and says so. Messages ' +
    'cannot be changed or deleted afterwards, and must hold no passwords, keys or other secrets.',
  inputSchema: Input,
  outputSchema: Output,
  annotations: {
    readOnlyHint: false,
    destructiveHint: false,
    idempotentHint: false,
    openWorldHint: false,
  },

  async handler(message, { db, userId }) {
    const args = {
      p_user_id: userId,
      // Ours, so that a retry finds the message that the first attempt may have written.
      p_message_id: crypto.randomUUID(),
      p_thread_name: message.thread_name,
      p_content: message.content,
      p_surface: message.surface,
      p_session_tag: message.session_tag || undefined,
      p_metadata: message.metadata,
      p_reader_tag: message.reader_tag || undefined,
      p_idempotency_key: message.idempotency_key,
    }
    return db.call('relay_post_message', args, Output, {
      retry: true,
      ifUnknown: message.idempotency_key
        ? 'Whether the message was posted is not known: call again with the same idempotency_key, which posts it only once.'
        : 'Whether the message was posted is not known: look at the newest messages with relay_read_thread before you post it again.',
    })
  },
  note: ({ thread_created, thread_reopened, duplicate }) => [
    ...(thread_created ? ['The thread did not exist and was created'] : []),
    ...(thread_reopened ? ['The thread was archived and is active again'] : []),
    ...(duplicate ? ['This message was there already under its idempotency_key'] : []),
  ],
})

/** What is wrong with metadata, or undefined. */
function metadataFault(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return `must be a JSON object, not ${shown(value)}`
  }
  let storable = true
  let exact = true
  const isStorable = (text: string) => text.isWellFormed() && !text.includes('\0')
  let json: string
  try {
    json = JSON.stringify(value, (key, item) => {
      if (!isStorable(key) || (typeof item === 'string' && !isStorable(item))) storable = false
      // 1e400 has been read as Infinity, and 2^53 + 1 as 2^53: neither would come back as it was.
      const isWhole = Number.isInteger(item)
      if (
        typeof item === 'number' &&
        !(isWhole ? Number.isSafeInteger(item) : Number.isFinite(item))
      ) {
        exact = false
      }
      return item
    })
  } catch {
    return 'is nested too deeply to be stored'
  }
  if (new TextEncoder().encode(json).byteLength > MAX_METADATA_BYTES) {
    return 'must be at most 16 KB of JSON'
  }
  if (!storable) return 'must hold well-formed Unicode without U+0000, in its keys too'
  return exact ? undefined : 'must hold numbers below 2^53; write a larger one as a string'
}
