/**
 * startOutside(): the services on the internet that the Worker sends notifications to, as stand-ins. The
 * local Worker reaches only the public internet and its own database, and it stays that way: in front of
 * the bundle comes a `fetch` that sends https requests to the database, in whose place this server takes
 * them apart. Everything else goes to the gateway.
 */
import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { forward, listen } from '../support/server.ts'

const PREFIX = '/outside/'

interface Delivery {
  /** The URL that the Worker meant. */
  url: string
  method: string
  headers: IncomingHttpHeaders
  body: Buffer
  /** The body as text. */
  text: string
}

export type Outside = Awaited<ReturnType<typeof startOutside>>

export async function startOutside() {
  const server = await listen(async (request, response) => {
    const { url: path = '', method = '', headers } = request
    if (!path.startsWith(PREFIX)) return forward(request, response, outside.target)
    const url = `https://${path.slice(PREFIX.length)}`
    const body = await buffer(request)
    const delivery = { url, method, headers, body, text: body.toString() }
    outside.deliveries.push(delivery)
    outside.answer(response, delivery)
  })
  const outside = {
    ...server,
    /** Where the other requests go; createTestRelay sets it. */
    target: '',
    deliveries: [] as Delivery[],
    /** How the services answer. */
    answer: (response: ServerResponse, _delivery: Delivery): unknown => response.end('ok'),
    /** Makes a bundle send its https requests here. */
    redirect: (source: string) => `import { env } from 'cloudflare:workers'
    globalThis.fetch = (input, init) =>
      env.DATABASE.fetch(new URL(input.url ?? input).href.replace('https://', '${server.url}${PREFIX}'), init)
    ${source}`,
  }
  return outside
}
