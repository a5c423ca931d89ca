/**
 * startFaults(): an HTTP server in front of the gateway that treats the Worker's requests as bad networks
 * and half-broken projects do. Pass it to createTestRelay as `faults`.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { forward } from './server.ts'

export type Fault =
  | 'none'
  /** Nothing listens. */
  | 'refuse'
  /** The connection is reset before the database has seen anything. */
  | 'reset-before'
  /** The database has answered, and the answer is lost: the outcome is unknown to the caller. */
  | 'reset-after'
  | keyof typeof ANSWERS
  | { delay: number }
  | Answer

interface Answer {
  status: number
  body: string
  headers?: Record<string, string>
}

const HTML = '<html><head><title>502 Bad Gateway</title></head><body>cloudflare</body></html>'

const ANSWERS = {
  'html-502': { status: 502, body: HTML, headers: { 'content-type': 'text/html' } },
  'empty-404': { status: 404, body: '' },
  garbage: { status: 200, body: '{"ok":', headers: { 'content-type': 'application/json' } },
}

export type Faults = Awaited<ReturnType<typeof startFaults>>

export async function startFaults() {
  let usual: Fault = 'none'
  const queue: Fault[] = []
  const server = createServer((request, response) => {
    faults.requests += 1
    answer(queue.shift() ?? usual, request, response).catch(() => response.destroy())
  })
  const open = async (port: number) => {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
  }
  await open(0)
  const { port } = server.address() as AddressInfo

  async function answer(
    fault: Fault,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    if (typeof fault === 'string' && fault in ANSWERS) {
      return answer(ANSWERS[fault as keyof typeof ANSWERS], request, response)
    }
    if (typeof fault === 'object' && 'status' in fault) {
      await text(request)
      response.writeHead(fault.status, fault.headers).end(fault.body)
      return
    }
    if (typeof fault === 'object') await sleep(fault.delay)
    if (fault === 'reset-after') {
      const { url = '/', method = 'POST', headers } = request
      // The body is sent again, so headers that describe the old connection are dropped.
      const { host, connection, 'content-length': length, ...passed } = headers
      const body = await text(request)
      const init = { method, headers: passed as Record<string, string>, body }
      await fetch(new URL(url, faults.target), init)
    }
    if (fault === 'refuse' || fault === 'reset-before' || fault === 'reset-after') {
      request.socket.resetAndDestroy()
    } else forward(request, response, faults.target)
  }

  const faults = {
    url: `http://127.0.0.1:${port}`,
    /** Where requests go; createTestRelay sets it. */
    target: '',
    /** Requests that have arrived. */
    requests: 0,
    /** Sets the fault from now on, and removes those of the next requests. */
    async always(fault: Fault): Promise<void> {
      usual = fault
      queue.length = 0
      if (fault === 'refuse' && server.listening) {
        server.close()
        server.closeAllConnections()
        await once(server, 'close')
      }
      if (fault !== 'refuse' && !server.listening) await open(port)
    },
    /** Sets the fault of the next `times` requests, before the permanent one. */
    next(fault: Exclude<Fault, 'refuse'>, times = 1): void {
      for (let n = 0; n < times; n += 1) queue.push(fault)
    },
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
    },
  }
  return faults
}
