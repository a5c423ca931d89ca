/**
 * Resources: `relay://threads`, the list; `relay://threads/{name}`, one thread as a transcript; and
 * the skills, which are read here and listed by skills.ts: among the threads they would be in a person's way.
 * Reading moves no cursor. transcript.ts writes the documents.
 */
import { RelayError } from '../errors.ts'
import type { RequestLog } from '../log.ts'
import { requireBudget } from '../tools/budget.ts'
import { text } from '../tools/fields.ts'
import { type Message, show } from '../tools/shape.ts'
import { isTime } from '../tools/time.ts'
import type { ToolContext } from '../tools/tool.ts'
import { APP_RESOURCE, APP_URI, appContents } from './app.ts'
import { readSkill } from './skills.ts'
import { writeThreadList, writeTranscript } from './transcript.ts'

const LIST_URI = 'relay://threads'
export const THREAD_TEMPLATE = `${LIST_URI}/{name}`
const MIME_TYPE = 'text/markdown'

/** Threads of one page of resources/list, and of the list as a document. */
const PAGE_SIZE = 100

/** Messages of a transcript at most: the budget of bytes usually ends it. */
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

interface ListedThread {
  id: string
  name: string
  description: string | null
  last_message_at: string | null
  /** By which the list is sorted. */
  active_at: string
}

/**
 * resources/list: the list itself and then every active thread, since not every client uses
 * templates. With the database away there are no threads in it, so that a client still connects.
 */
export async function listResources(
  { cursor }: Record<string, unknown>,
  { db, app }: ToolContext,
  log: RequestLog,
): Promise<Record<string, unknown>> {
  const isFirst = cursor === undefined || cursor === null || cursor === ''
  const place = isFirst ? {} : readCursor(cursor)
  const own = [LIST_RESOURCE, ...(app ? [APP_RESOURCE] : [])]
  // One thread more than is shown tells whether there is a next page.
  const args = { limit: PAGE_SIZE + 1, ...place }
  let threads: ListedThread[]
  try {
    threads = await db.call('relay_page_threads', args, { retry: true })
  } catch (error) {
    if (!isFirst || !(error instanceof RelayError)) throw error
    log.addError(error)
    return { resources: own }
  }
  const page = threads.slice(0, PAGE_SIZE)
  const last = threads.length > PAGE_SIZE ? page.at(-1) : undefined
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
    ...(last && { nextCursor: btoa(`${last.active_at} ${last.id}`) }),
  }
}

/** The position after which a page starts: activity and id of the last thread before it. */
function readCursor(cursor: unknown): { active_at: string; id: string } {
  try {
    const [active_at = '', id = '', ...rest] = atob(String(cursor)).split(' ')
    const isPosition = isTime(active_at) && UUID.test(id)
    if (typeof cursor === 'string' && isPosition && rest.length === 0) return { active_at, id }
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
  const skill = await readSkill(uri, context)
  if (skill !== undefined) return { contents: [{ uri, mimeType: MIME_TYPE, text: skill }] }
  const markdown =
    uri === LIST_URI ? await threadList(context) : await transcript(threadNameOf(uri), context)
  budget.bytes -= new TextEncoder().encode(markdown).byteLength
  return { contents: [{ uri, mimeType: MIME_TYPE, text: markdown }] }
}

function threadUri(name: string): string {
  return `${LIST_URI}/${encodeURIComponent(name)}`
}

/**
 * The thread that a URI names. The rest after the prefix is the name, percent-encoded: parsed as a
 * URL, a name such as `..` would be gone. Throws RelayError for an impossible name.
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

async function threadList({ db }: ToolContext): Promise<string> {
  const stored = await db.call('relay_list_threads', { limit: PAGE_SIZE }, { retry: true })
  const { threads, remaining_count } = show(stored, false) as {
    threads: (ListedThread & { message_count: number })[]
    remaining_count: number
  }
  return writeThreadList(
    threads.map((thread) => ({ ...thread, uri: threadUri(thread.name) })),
    remaining_count,
  )
}

async function transcript(name: string, context: ToolContext): Promise<string> {
  const { max_bytes } = requireBudget(context)
  // Long contents are cut for every client: a transcript is to be read at a glance.
  const lean = requireBudget({ ...context, isLean: true })
  const stored = await context.db.call(
    'relay_read_thread',
    { thread_name: name, limit: TRANSCRIPT_LENGTH, ...lean, max_bytes },
    { retry: true },
  )
  const thread = show(stored, true) as {
    archived?: boolean
    messages: Message[]
    older_count: number
    next_before_seq?: number
  }
  return writeTranscript(name, thread)
}
