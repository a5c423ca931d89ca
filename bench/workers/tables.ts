/**
 * A stand-in for the access pattern of relay-mcp 0.1.0: each tool makes one to four requests to table
 * endpoints, one after the other. Written for the benchmark; 0.1.0 itself also checks arguments, writes
 * its own dates and implements the whole protocol.
 */
import { createClient, type SupabaseClient } from '@supabase/supabase-js'

interface Bindings {
  DATABASE: Fetcher
  RELAY_API_KEY: string
  RELAY_USER_ID: string
  SUPABASE_URL: string
  SUPABASE_SERVICE_KEY: string
}

interface ToolCall {
  id: number
  params: { name: string; arguments: Record<string, unknown> }
}

type Tool = (db: SupabaseClient, user: string, args: Record<string, unknown>) => Promise<unknown>

const MESSAGE = 'id,thread_id,surface,session_tag,content,metadata,created_at'

const TOOLS: Record<string, Tool> = {
  async relay_list_threads(db, user) {
    const threads = rows(
      await db
        .from('relay_threads')
        .select('id,name,description,last_message_at,archived')
        .eq('user_id', user)
        .eq('archived', false)
        .order('last_message_at', { ascending: false, nullsFirst: false }),
    )
    const ids = threads.map(({ id }) => id)
    const messages = rows(await db.from('relay_messages').select('thread_id').in('thread_id', ids))
    const counts = Map.groupBy(messages, ({ thread_id }) => thread_id)
    return threads.map((each) => ({ ...each, message_count: counts.get(each.id)?.length ?? 0 }))
  },

  async relay_create_thread(db, user, { name }) {
    const thread = { user_id: user, name }
    return row(await db.from('relay_threads').insert(thread).select('id,name,created_at').single())
  },

  async relay_post_message(db, user, { thread_name, content, surface }) {
    const found = await findThread(db, user, thread_name)
    const thread =
      found ??
      row(
        await db
          .from('relay_threads')
          .insert({ user_id: user, name: thread_name })
          .select()
          .single(),
      )
    const message = { thread_id: thread.id, user_id: user, content, surface }
    const posted = row(
      await db.from('relay_messages').insert(message).select('id,thread_id,created_at').single(),
    )
    const activity = { last_message_at: posted.created_at }
    await db.from('relay_threads').update(activity).eq('id', thread.id)
    return posted
  },

  async relay_read_thread(db, user, { thread_name, limit = 50, reader_tag }) {
    const thread = await existingThread(db, user, thread_name)
    const messages = rows(
      await db
        .from('relay_messages')
        .select(MESSAGE)
        .eq('thread_id', thread.id)
        .order('created_at', { ascending: false })
        .limit(limit as number),
    )
    if (reader_tag) await moveCursor(db, user, thread.id, reader_tag)
    return messages
  },

  async relay_check_new(db, user, { thread_name, reader_tag }) {
    const thread = await existingThread(db, user, thread_name)
    const cursor = await db
      .from('relay_read_cursors')
      .select('last_read_at')
      .eq('thread_id', thread.id)
      .eq('reader_tag', reader_tag)
      .maybeSingle()
    const messages = rows(
      await db
        .from('relay_messages')
        .select(MESSAGE)
        .eq('thread_id', thread.id)
        .gt('created_at', cursor.data?.last_read_at ?? '1970-01-01')
        .order('created_at', { ascending: true }),
    )
    await moveCursor(db, user, thread.id, reader_tag)
    return { new_message_count: messages.length, messages }
  },

  async relay_archive_thread(db, user, { thread_name, archived = true }) {
    const query = db.from('relay_threads').update({ archived })
    row(await query.eq('user_id', user).eq('name', thread_name).select('id').single())
    return { archived }
  },
}

async function findThread(db: SupabaseClient, user: string, name: unknown) {
  const query = db.from('relay_threads').select()
  return (await query.eq('user_id', user).eq('name', name).maybeSingle()).data
}

async function existingThread(db: SupabaseClient, user: string, name: unknown) {
  const thread = await findThread(db, user, name)
  if (!thread) throw new Error(`thread "${name}" not found`)
  return thread
}

/** Moves the cursor to the current time, as 0.1.0 does, and so loses what is posted meanwhile. */
async function moveCursor(db: SupabaseClient, user: string, thread: unknown, reader: unknown) {
  const now = new Date().toISOString()
  const cursor = { thread_id: thread, user_id: user, reader_tag: reader, last_read_at: now }
  await db.from('relay_read_cursors').upsert(cursor, { onConflict: 'thread_id,reader_tag' })
}

interface Answer {
  // biome-ignore lint/suspicious/noExplicitAny: rows of three tables.
  data: any
  error: { message: string } | null
}

function row({ data, error }: Answer) {
  if (error) throw new Error(error.message)
  return data
}

function rows(answer: Answer): Record<string, unknown>[] {
  return row(answer)
}

let client: SupabaseClient | undefined

export default {
  async fetch(request, env) {
    if (request.headers.get('authorization') !== `Bearer ${env.RELAY_API_KEY}`) {
      return new Response(null, { status: 401 })
    }
    const { id, params }: ToolCall = await request.json()
    client ??= createClient(env.SUPABASE_URL, env.SUPABASE_SERVICE_KEY, {
      global: { fetch: (input, init) => env.DATABASE.fetch(input, init) },
    })
    const tool = TOOLS[params.name] as Tool
    const output = await tool(client, env.RELAY_USER_ID, params.arguments)
    const content = [{ type: 'text', text: JSON.stringify(output, null, 2) }]
    return Response.json({ jsonrpc: '2.0', id, result: { content } })
  },
} satisfies ExportedHandler<Bindings>
