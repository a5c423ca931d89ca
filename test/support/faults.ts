/**
 * startFaults(): an HTTP server in front of the gateway that treats the Worker's requests as bad networks
 * and half-broken projects do. Pass it to createTestRelay as `faults`.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

export type Fault =
  | 'none'
  /** Nothing listens. */
  | 'refuse'
  /** The connection is reset before the database has seen anything. */
  | 'reset-before'
  /** The database has answered, and the answer is lost: the outcome is unknown to the caller. */
  | 'reset-after'
  | 'html-502'
  | 'empty-404'
  | 'garbage'
  | { delay: number }
  | { status: number; body: string; headers?: Record<string, string> }

export interface Faults extends AsyncDisposable {
  url: string
  /** Where requests go; createTestRelay sets it. */
  target: string
  /** Requests that have arrived. */
  requests: number
  /** Sets the fault from now on, and removes those of the next requests. */
  always(fault: Fault): Promise<void>
  /** Sets the fault of the next `times` requests, before the permanent one. */
  next(fault: Exclude<Fault, 'refuse'>, times?: number): void
}

const HTML = '<html><head><title>502 Bad Gateway</title></head><body>cloudflare</body></html>'

export async function startFaults(): Promise<Faults> {
  let usual: Fault = 'none'
  const queue: Fault[] = []
  const server = createServer((request, response) => {
    faults.requests += 1
    const body = read(request)
    answer(queue.shift() ?? usual, request, body, response).catch(() => response.destroy())
  })
  await listen(server, 0)
  const { port } = server.address() as AddressInfo

  async function answer(
    fault: Fault,
    request: IncomingMessage,
    body: Promise<Buffer>,
    response: ServerResponse,
  ): Promise<void> {
    const forwarded = async () => forward(faults.target, request, await body, response)
    if (typeof fault === 'object' && 'delay' in fault) {
      await sleep(fault.delay)
      return forwarded()
    }
    if (typeof fault === 'object') {
      await body
      response.writeHead(fault.status, fault.headers).end(fault.body)
      return
    }
    switch (fault) {
      case 'none':
        return forwarded()
      case 'refuse':
      case 'reset-before':
        request.socket.resetAndDestroy()
        return
      case 'reset-after':
        await send(faults.target, request, await body)
        request.socket.resetAndDestroy()
        return
      case 'html-502':
        return answer(
          { status: 502, body: HTML, headers: type('text/html') },
          request,
          body,
          response,
        )
      case 'empty-404':
        return answer({ status: 404, body: '' }, request, body, response)
      case 'garbage':
        return answer(
          { status: 200, body: '{"ok":', headers: type('application/json') },
          request,
          body,
          response,
        )
    }
  }

  const faults: Faults = {
    url: `http://127.0.0.1:${port}`,
    target: '',
    requests: 0,
    async always(fault) {
      usual = fault
      queue.length = 0
      if (fault === 'refuse' && server.listening) {
        server.close()
        server.closeAllConnections()
        await once(server, 'close')
      }
      if (fault !== 'refuse' && !server.listening) await listen(server, port)
    },
    next(fault, times = 1) {
      for (let n = 0; n < times; n += 1) queue.push(fault)
    },
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
    },
  }
  return faults
}

async function listen(server: ReturnType<typeof createServer>, port: number): Promise<void> {
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
}

const type = (value: string) => ({ 'content-type': value })

async function read(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks)
}

function send(
  target: string,
  { url = '/', method = 'GET', headers }: IncomingMessage,
  body: Buffer,
) {
  // The body is sent again, so headers that describe the old connection are dropped.
  const { host, connection, 'content-length': length, ...passed } = headers
  return fetch(new URL(url, target), {
    method,
    headers: passed as Record<string, string>,
    body: method === 'GET' ? null : body,
  })
}

async function forward(
  target: string,
  request: IncomingMessage,
  body: Buffer,
  response: ServerResponse,
): Promise<void> {
  const answer = await send(target, request, body)
  response
    .writeHead(answer.status, type(answer.headers.get('content-type') ?? ''))
    .end(Buffer.from(await answer.arrayBuffer()))
}
