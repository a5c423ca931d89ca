/**
 * startOutside(): the services on the internet that the Worker sends notifications to, as stand-ins. The
 * local Worker reaches only the public internet and its own database, and it stays that way: in front of
 * the bundle comes a `fetch` that sends https requests to the database, in whose place this server takes
 * them apart. Everything else goes to the gateway.
 */
import { once } from 'node:events'
import {
  createServer,
  type IncomingHttpHeaders,
  type ServerResponse,
  request as send,
} from 'node:http'
import type { AddressInfo } from 'node:net'

const PREFIX = '/outside/'

export interface Delivery {
  /** The URL that the Worker meant. */
  url: string
  method: string
  headers: IncomingHttpHeaders
  text: string
}

export interface Outside extends AsyncDisposable {
  url: string
  /** Where the other requests go; createTestRelay sets it. */
  target: string
  deliveries: Delivery[]
  /** How the services answer. */
  answer: (response: ServerResponse, delivery: Delivery) => void
  /** Makes a bundle send its https requests here. */
  redirect(source: string): string
}

export async function startOutside(): Promise<Outside> {
  const server = createServer(async (request, response) => {
    const { url: path = '', method = '', headers } = request
    if (!path.startsWith(PREFIX)) {
      const passed = send(new URL(path, outside.target), { method, headers }, (answer) => {
        response.writeHead(answer.statusCode as number, answer.headers)
        answer.pipe(response)
      })
      passed.on('error', () => response.destroy())
      request.pipe(passed)
      return
    }
    let text = ''
    for await (const chunk of request) text += chunk
    const delivery = { url: `https://${path.slice(PREFIX.length)}`, method, headers, text }
    outside.deliveries.push(delivery)
    outside.answer(response, delivery)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const outside: Outside = {
    url,
    target: '',
    deliveries: [],
    answer: (response) => response.end('ok'),
    redirect: (source) => `import { env } from 'cloudflare:workers'
    globalThis.fetch = (input, init) =>
      env.DATABASE.fetch(new URL(input.url ?? input).href.replace('https://', '${url}${PREFIX}'), init)
    ${source}`,
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
    },
  }
  return outside
}
