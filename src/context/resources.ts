/**
 * Resources: `relay://threads`, the list, and `relay://threads/{name}`, one thread as a transcript.
 * Reading moves no cursor. What the documents look like is transcript.ts's business.
 */
import * as z from 'zod/mini'
import { withoutNulls } from '../answers.ts'
import { RelayError } from '../errors.ts'
import type { RequestLog } from '../log.ts'
import { requireBudget } from '../tools/budget.ts'
import { count, Message, text } from '../tools/fields.ts'
import { isTime } from '../tools/time.ts'
import type { ToolContext } from '../tools/tool.ts'
import { APP_RESOURCE, APP_URI, appContents } from './app.ts'
import { writeThreadList, writeTranscript } from './transcript.ts'

const LIST_URI = 'relay://threads'
export const THREAD_TEMPLATE = `${LIST_URI}/{name}`
const MIME_TYPE = 'text/markdown'

/** Threads of one page of resources/list, and of the list as a document. */
const PAGE_SIZE = 100

/** Messages of a transcript at most: the budget of bytes is what usually ends it. */
const TRANSCRIPT_LENGTH = 100

const LIST_RESOURCE = {
  uri: LIST_URI,
  name: 'threads',
  title: 'Threads',
  description: 'The active threads of this relay, latest activity first.',
  mimeType: MIME_TYPE,
}

export const RESOURCE_TEMPLATES = [
  {
    uriTemplate: THREAD_TEMPLATE,
    name: 'thread',
    title: 'Thread',
    description:
      'The latest messages of a thread as a transcript, newest last. Marks nothing as read.',
    mimeType: MIME_TYPE,
  },
]

const LISTED = {
  name: z.string(),
  description: z.nullable(z.string()),
  last_message_at: z.nullable(z.string()),
}

const ThreadPage = z.array(z.looseObject({ ...LISTED, id: z.string(), active_at: z.string() }))

/**
 * resources/list: the list itself and then every active thread, since not every client uses
 * templates. With the database away there are no threads in it, so that a client still connects.
 */
export async function listResources(
  { cursor }: Record<string, unknown>,
  { db, userId, app }: ToolContext,
  log: RequestLog,
): Promise<Record<string, unknown>> {
  const isFirst = cursor === undefined || cursor === null || cursor === ''
  const place = isFirst ? {} : readCursor(cursor)
  const own = [LIST_RESOURCE, ...(app ? [APP_RESOURCE] : [])]
  // One thread more than is shown tells whether there is a next page.
  const args = { p_user_id: userId, p_limit: PAGE_SIZE + 1, ...place }
  let threads: z.infer<typeof ThreadPage>
  try {
    threads = await db.call('relay_page_threads', args, ThreadPage, { retry: true })
  } catch (error) {
    if (!isFirst || !(error instanceof RelayError)) throw error
    log.addError(error)
    return { resources: own }
  }
  const page = threads.slice(0, PAGE_SIZE)
  const last = page.at(-1)
  return {
    resources: [
      ...(isFirst ? own : []),
      ...page.map(({ name, description, last_message_at }) => ({
        uri: threadUri(name),
        name,
        ...(description && { description }),
        mimeType: MIME_TYPE,
        ...(last_message_at && { annotations: { lastModified: last_message_at } }),
      })),
    ],
    ...(last && threads.length > PAGE_SIZE && { nextCursor: btoa(`${last.active_at} ${last.id}`) }),
  }
}

/** The position after which a page starts: activity and id of the last thread before it. */
function readCursor(cursor: unknown): { p_active_at: string; p_id: string } {
  try {
    const [p_active_at = '', p_id = '', ...rest] = atob(String(cursor)).split(' ')
    const isPosition = isTime(p_active_at) && UUID.test(p_id)
    if (typeof cursor === 'string' && isPosition && rest.length === 0) return { p_active_at, p_id }
  } catch {}
  throw new RelayError('invalid_cursor', 'cursor is not one that resources/list gave.')
}

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/

/** resources/read. */
export async function readResource(
  { uri }: Record<string, unknown>,
  context: ToolContext,
): Promise<Record<string, unknown>> {
  if (typeof uri !== 'string') throw new RelayError('invalid_params', 'uri must be a string.')
  const { budget, app } = context
  if (app && uri === APP_URI) return appContents(await app())
  const bytes = requireBudget(context)
  const markdown =
    uri === LIST_URI
      ? await threadList(context)
      : await transcript(threadNameOf(uri), bytes, context)
  budget.bytes -= new TextEncoder().encode(markdown).byteLength
  return { contents: [{ uri, mimeType: MIME_TYPE, text: markdown }] }
}

function threadUri(name: string): string {
  return `${LIST_URI}/${encodeURIComponent(name)}`
}

/**
 * The thread that a URI names. What follows the prefix is the name, percent-encoded: parsed as a
 * URL, a name such as `..` would be gone. Throws RelayError for what no thread can be called.
 */
function threadNameOf(uri: string): string {
  try {
    const name =
      uri.startsWith(`${LIST_URI}/`) && decodeURIComponent(uri.slice(LIST_URI.length + 1))
    if (name && isStorable(name)) return name
  } catch {}
  throw new RelayError(
    'resource_not_found',
    `Resource not found. There are ${LIST_URI} and ${THREAD_TEMPLATE}, the name percent-encoded.`,
  )
}

/** Whether the database could hold this as a name. 0.1.0 took some that tools refuse today. */
export function isStorable(name: string): boolean {
  return text(2000, '').safeParse(name).success
}

const ThreadList = z.looseObject({
  threads: z.array(z.looseObject({ ...LISTED, message_count: count })),
  remaining_count: count,
})

async function threadList({ db, userId }: ToolContext): Promise<string> {
  const args = { p_user_id: userId, p_limit: PAGE_SIZE }
  const { threads, remaining_count } = await db.call('relay_list_threads', args, ThreadList, {
    retry: true,
  })
  return writeThreadList(
    threads.map((thread) => ({ ...thread, uri: threadUri(thread.name) })),
    remaining_count,
  )
}

const Transcript = withoutNulls(
  z.looseObject({
    archived: z.optional(z.boolean()),
    messages: z.array(Message),
    older_count: count,
    next_before_seq: z.optional(count),
  }),
)

async function transcript(
  name: string,
  bytes: number,
  { db, userId }: ToolContext,
): Promise<string> {
  const thread = await db.call(
    'relay_read_thread',
    {
      p_user_id: userId,
      p_thread_name: name,
      p_limit: TRANSCRIPT_LENGTH,
      p_max_bytes: bytes,
      p_lean: true,
    },
    Transcript,
    { retry: true },
  )
  return writeTranscript(name, thread)
}
