/**
 * The least that a Worker can do for a post: takes the MCP call, calls the SQL function with the same
 * arguments as the relay, and returns the answer. It does not authenticate, check, log or limit
 * anything, and does without supabase-js. What it reaches is the limit for the relay.
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

export default {
  async fetch(request, env) {
    const { id, params }: Post = await request.json()
    const message = params.arguments
    const posted = await env.DATABASE.fetch(`${env.SUPABASE_URL}/rest/v1/rpc/relay_post_message`, {
      method: 'POST',
      headers: {
        apikey: env.SUPABASE_SERVICE_KEY,
        authorization: `Bearer ${env.SUPABASE_SERVICE_KEY}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify({
        p_user_id: env.RELAY_USER_ID,
        p_message_id: crypto.randomUUID(),
        p_thread_name: message.thread_name,
        p_content: message.content,
        p_surface: message.surface,
      }),
    })
    const structuredContent = await posted.json()
    const content = [{ type: 'text', text: JSON.stringify(structuredContent) }]
    return Response.json({ jsonrpc: '2.0', id, result: { content, structuredContent } })
  },
} satisfies ExportedHandler<Bindings>
