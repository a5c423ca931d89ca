/** Servers on a free port of loopback, which stand in for a service or pass requests on to one. */
import { once } from 'node:events'
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  request,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'

export async function listen(listener: RequestListener) {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
    },
  }
}

/** Passes a request on, with more headers, and its answer back. */
export function forward(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  target: string,
  headers: Record<string, string> = {},
): void {
  const { url = '/', method } = incoming
  const all = { ...incoming.headers, ...headers }
  const passed = request(new URL(url, target), { method, headers: all }, (answer) => {
    outgoing.writeHead(answer.statusCode as number, answer.headers)
    answer.pipe(outgoing)
  })
  passed.on('error', () => outgoing.destroy())
  outgoing.on('close', () => passed.destroy())
  incoming.pipe(passed)
}
