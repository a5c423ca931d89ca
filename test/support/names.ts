/**
 * Loaded into a command under test before its own code: makes names of Cloudflare and Supabase resolve,
 * and sends requests to them to startInternet(). fetch itself cannot set a Host.
 */
import dns from 'node:dns/promises'
import { request as send } from 'node:http'
import { syncBuiltinESMExports } from 'node:module'
import { buffer } from 'node:stream/consumers'

const NAMES = /\.(workers\.dev|supabase\.co)$|^api\.supabase\.com$/

const lookUp = dns.lookup
dns.lookup = ((name: string, options: object) =>
  NAMES.test(name)
    ? Promise.resolve([{ address: '127.0.0.1', family: 4 }])
    : lookUp(name, options)) as typeof dns.lookup
syncBuiltinESMExports()

const direct = globalThis.fetch

globalThis.fetch = async (input, init) => {
  const request = new Request(input, init)
  const { hostname, host, pathname, search } = new URL(request.url)
  if (!NAMES.test(hostname)) return direct(input, init)
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
