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
    const columns = 'id,name,description,last_message_at,archived'
    const all = db.from('relay_threads').select(columns).eq('user_id', user).eq('archived', false)
    const threads = await take(
      all.order('last_message_at', { ascending: false, nullsFirst: false }),
    )
    const ids = threads.map(({ id }: { id: string }) => id)
    const messages = await take(db.from('relay_messages').select('thread_id').in('thread_id', ids))
    const counts = Map.groupBy(messages, ({ thread_id }: { thread_id: string }) => thread_id)
    return threads.map((each: { id: string }) => ({
      ...each,
      message_count: counts.get(each.id)?.length ?? 0,
    }))
  },

  relay_create_thread(db, user_id, { name }) {
    const made = db.from('relay_threads').insert({ user_id, name })
    return take(made.select('id,name,created_at').single())
  },

  async relay_post_message(db, user_id, { thread_name: name, content, surface }) {
    const thread =
      (await findThread(db, user_id, name)) ??
      (await take(db.from('relay_threads').insert({ user_id, name }).select().single()))
    const message = { thread_id: thread.id, user_id, content, surface }
    const inserted = db.from('relay_messages').insert(message).select('id,thread_id,created_at')
    const posted = await take(inserted.single())
    const activity = { last_message_at: posted.created_at }
    await db.from('relay_threads').update(activity).eq('id', thread.id)
    return posted
  },

  async relay_read_thread(db, user, { thread_name, limit = 50 }) {
    const { id } = await findThread(db, user, thread_name)
    const all = db.from('relay_messages').select(MESSAGE).eq('thread_id', id)
    return take(all.order('created_at', { ascending: false }).limit(limit as number))
  },

  async relay_check_new(db, user, { thread_name, reader_tag }) {
    const { id } = await findThread(db, user, thread_name)
    const cursors = db.from('relay_read_cursors').select('last_read_at').eq('thread_id', id)
    const cursor = await take(cursors.eq('reader_tag', reader_tag).maybeSingle())
    const since = cursor?.last_read_at ?? '1970-01-01'
    const all = db.from('relay_messages').select(MESSAGE).eq('thread_id', id)
    const messages = await take(all.gt('created_at', since).order('created_at'))
    // To the current time, as 0.1.0 does, and so loses what is posted meanwhile.
    const moved = {
      thread_id: id,
      user_id: user,
      reader_tag,
      last_read_at: new Date().toISOString(),
    }
    await db.from('relay_read_cursors').upsert(moved, { onConflict: 'thread_id,reader_tag' })
    return { new_message_count: messages.length, messages }
  },

  async relay_archive_thread(db, user, { thread_name, archived = true }) {
    const changed = db.from('relay_threads').update({ archived }).eq('user_id', user)
    await take(changed.eq('name', thread_name).select('id').single())
    return { archived }
  },
}

function findThread(db: SupabaseClient, user: string, name: unknown) {
  const named = db.from('relay_threads').select().eq('user_id', user).eq('name', name)
  return take(named.maybeSingle())
}

// biome-ignore lint/suspicious/noExplicitAny: rows of three tables.
type Answer = PromiseLike<{ data: any; error: { message: string } | null }>

async function take(answer: Answer) {
  const { data, error } = await answer
  if (error) throw new Error(error.message)
  return data
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
    const output = await TOOLS[params.name]?.(client, env.RELAY_USER_ID, params.arguments)
    const content = [{ type: 'text', text: JSON.stringify(output, null, 2) }]
    return Response.json({ jsonrpc: '2.0', id, result: { content } })
  },
} satisfies ExportedHandler<Bindings>
