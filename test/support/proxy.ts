/** A proxy between clients and a relay that forwards every request except those a test intercepts. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, request } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface ProxyOptions {
  /** Added to each request. */
  headers?: Record<string, string>
  /** Returns the answer to a request that is not forwarded. */
  intercept?: (request: IncomingMessage) => Intercepted | undefined
}

export interface Intercepted {
  status: number
  headers?: Record<string, string>
  body?: unknown
}

export interface TestProxy extends AsyncDisposable {
  url: string
}

/** Forwards Host and Origin too, so that the relay sees the address of the proxy as its own. */
export async function startProxy(target: string, options: ProxyOptions): Promise<TestProxy> {
  const { hostname, port } = new URL(target)
  const server = createServer((incoming, outgoing) => {
    const taken = options.intercept?.(incoming)
    if (taken) {
      const { status, headers, body = '' } = taken
      incoming.resume()
      outgoing.writeHead(status, headers)
      outgoing.end(typeof body === 'string' ? body : JSON.stringify(body))
      return
    }
    const headers = { ...incoming.headers, ...options.headers }
    const { url: path, method } = incoming
    const forwarded = request({ hostname, port, path, method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(outgoing)
    })
    forwarded.on('error', () => outgoing.destroy())
    outgoing.on('close', () => forwarded.destroy())
    incoming.pipe(forwarded)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
