/** A proxy between clients and a relay that forwards every request except those a test intercepts. */
import type { IncomingMessage } from 'node:http'
import { forward, listen } from './server.ts'

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

/** Forwards Host and Origin too, so that the relay sees the address of the proxy as its own. */
export function startProxy(target: string, { headers, intercept }: ProxyOptions) {
  return listen((incoming, outgoing) => {
    const taken = intercept?.(incoming)
    if (!taken) return forward(incoming, outgoing, target, headers)
    const { status, headers: answered, body = '' } = taken
    incoming.resume()
    outgoing.writeHead(status, answered)
    outgoing.end(typeof body === 'string' ? body : JSON.stringify(body))
  })
}

/** A proxy that adds the key: the conformance suite has no way to send an Authorization header. */
export const startAuthProxy = (target: string, key: string) =>
  startProxy(target, { headers: { authorization: `Bearer ${key}` } })
