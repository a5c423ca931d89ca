/** A proxy that adds the key: the conformance suite has no way to send an Authorization header. */
import { startProxy, type TestProxy } from './proxy.ts'

export function startAuthProxy(target: string, key: string): Promise<TestProxy> {
  return startProxy(target, { headers: { authorization: `Bearer ${key}` } })
}
