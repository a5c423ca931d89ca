/**
 * Loaded into a command under test before its own code: sends what it fetches from names of
 * Cloudflare and Supabase to startInternet(). fetch itself can't be told a Host.
 */
import { request as send } from 'node:http'
import { buffer } from 'node:stream/consumers'

const direct = globalThis.fetch

globalThis.fetch = async (input, init) => {
  const request = new Request(input, init)
  const { hostname, host, pathname, search } = new URL(request.url)
  if (!/\.(workers\.dev|supabase\.co)$/.test(hostname)) return direct(input, init)
  const body = Buffer.from(await request.arrayBuffer())
  return new Promise((resolve, reject) => {
    const sent = send(
      {
        host: '127.0.0.1',
        port: process.env.INTERNET_PORT,
        path: pathname + search,
        method: request.method,
        headers: { ...Object.fromEntries(request.headers), host, 'content-length': body.length },
      },
      async (answer) => {
        const { statusCode: status = 0, headers } = answer
        const bytes = await buffer(answer)
        resolve(
          new Response(bytes.length > 0 ? new Uint8Array(bytes) : null, {
            status,
            headers: Object.entries(headers) as [string, string][],
          }),
        )
      },
    )
    sent.on('error', (cause) => reject(new TypeError('fetch failed', { cause })))
    sent.end(body)
  })
}
