/** A minimal Worker: forwards a call to the SQL function in its path, and returns the answer. */

interface Bindings {
  DATABASE: Fetcher
  SUPABASE_URL: string
  SUPABASE_SERVICE_KEY: string
}

export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url)
    const answer = await env.DATABASE.fetch(`${env.SUPABASE_URL}/rest/v1/rpc${pathname}`, {
      method: 'POST',
      headers: {
        apikey: env.SUPABASE_SERVICE_KEY,
        authorization: `Bearer ${env.SUPABASE_SERVICE_KEY}`,
        'content-type': 'application/json',
      },
      body: await request.text(),
    })
    return new Response(await answer.text(), { status: answer.status })
  },
} satisfies ExportedHandler<Bindings>
