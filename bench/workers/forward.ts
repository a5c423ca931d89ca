/**
 * The least that a Worker can do: forwards a call to the SQL function in its path. At /mcp it takes a post
 * as an MCP call, with the arguments that the relay would pass. It authenticates no one, checks, logs and
 * limits nothing, and does without supabase-js. What it reaches is the limit for the relay.
 */

interface Bindings {
  DATABASE: Fetcher
  RELAY_USER_ID: string
  SUPABASE_URL: string
  SUPABASE_SERVICE_KEY: string
}

interface Post {
  id: number
  params: { arguments: { thread_name: string; content: string; surface: string } }
}

function forward(env: Bindings, name: string, body: string): Promise<Response> {
  return env.DATABASE.fetch(`${env.SUPABASE_URL}/rest/v1/rpc/${name}`, {
    method: 'POST',
    headers: {
      apikey: env.SUPABASE_SERVICE_KEY,
      authorization: `Bearer ${env.SUPABASE_SERVICE_KEY}`,
      'content-type': 'application/json',
    },
    body,
  })
}

export default {
  async fetch(request, env) {
    const name = new URL(request.url).pathname.slice(1)
    if (name !== 'mcp') {
      const answer = await forward(env, name, await request.text())
      return new Response(await answer.text(), { status: answer.status })
    }
    const { id, params }: Post = await request.json()
    const { thread_name, content, surface } = params.arguments
    const call = {
      p_user_id: env.RELAY_USER_ID,
      p_message_id: crypto.randomUUID(),
      p_thread_name: thread_name,
      p_content: content,
      p_surface: surface,
    }
    const posted = await forward(env, 'relay_post_message', JSON.stringify(call))
    const structuredContent = await posted.json()
    const text = [{ type: 'text', text: JSON.stringify(structuredContent) }]
    return Response.json({ jsonrpc: '2.0', id, result: { content: text, structuredContent } })
  },
} satisfies ExportedHandler<Bindings>
