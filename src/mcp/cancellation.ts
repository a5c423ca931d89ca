/**
 * Requests in flight that their client may cancel. Clients that time out do not close the POST: they
 * send `notifications/cancelled` in a request of its own. The isolate remembers whom it is working
 * for; a cancellation that reaches another isolate has no effect.
 */
import type { OngoingCall } from '../tools/tool.ts'
import { type JsonObject, type RequestId, readId } from './jsonrpc.ts'

/**
 * By sender and request id, until the request is answered. Two sessions may be one sender and use the
 * same ids: a cancellation ends the requests of both, rather than that of the wrong one.
 */
const inFlight = new Map<string, Set<() => void>>()

/** Requests remembered at once, and characters of their keys: more would be an attack on memory. */
const MAX_IN_FLIGHT = 1_000
const MAX_KEY = 300

/** Runs work that is over when `call` is, or when `cancel` is called for the same sender and id. */
export async function runCancellable<T>(
  sender: string,
  id: RequestId,
  call: OngoingCall,
  work: (call: OngoingCall) => Promise<T>,
): Promise<T> {
  const key = keyOf(sender, id)
  if (key.length > MAX_KEY || inFlight.size >= MAX_IN_FLIGHT) return work(call)
  // workerd lets a request touch only its own I/O objects, so the request that brings the
  // cancellation resolves a promise, and the abort runs in the request that waits.
  const { promise, resolve } = Promise.withResolvers<void>()
  let isCancelled = false
  const cancelThis = () => {
    isCancelled = true
    resolve()
  }
  let combined: AbortSignal | undefined
  const combine = () => {
    const controller = new AbortController()
    promise.then(() => controller.abort())
    return AbortSignal.any([call.signal(), controller.signal])
  }
  const own = inFlight.get(key) ?? new Set()
  inFlight.set(key, own.add(cancelThis))
  try {
    return await work({
      signal() {
        combined ??= combine()
        return combined
      },
      isOver: () => isCancelled || call.isOver(),
    })
  } finally {
    own.delete(cancelThis)
    if (own.size === 0) inFlight.delete(key)
  }
}

/** Handles the parameters of `notifications/cancelled`. An id that is not in flight is ignored. */
export function cancel(sender: string, { requestId }: JsonObject): void {
  const id = readId(requestId)
  if (id === undefined) return
  for (const cancelOne of inFlight.get(keyOf(sender, id)) ?? []) cancelOne()
}

function keyOf(sender: string, id: RequestId): string {
  return `${sender}\n${JSON.stringify(id)}`
}
