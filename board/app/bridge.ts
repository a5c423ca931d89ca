/**
 * The other end of an MCP App: JSON-RPC over postMessage with the host that shows this view (SEP-1865,
 * 2026-01-26). It decides nothing; what a message means is up to its callers.
 */

interface JsonRpc {
  jsonrpc: '2.0'
  id?: number | string
  method?: string
  params?: Record<string, unknown>
  result?: unknown
  error?: { code: number; message: string }
}

type Params = Record<string, unknown>

export interface Bridge {
  /** Asks the host; rejects when it refuses, or does not answer in time. */
  request<Result>(method: string, params: Params): Promise<Result>
  notify(method: string, params?: Params): void
}

interface Handlers {
  onNotification: (method: string, params: Params) => void
  /** Answers a request of the host; undefined for a method that is not known. */
  onRequest: (method: string, params: Params) => Params | undefined
}

/** Milliseconds for an answer. A person may have to allow a call first. */
const TIME_LIMIT = 60_000

const METHOD_NOT_FOUND = -32601

/** Listens from now on, before anything is sent: an answer may come at once. */
export function openBridge({ onNotification, onRequest }: Handlers): Bridge {
  const host = window.parent
  const pending = new Map<
    number,
    { resolve: (value: never) => void; reject: (error: Error) => void }
  >()
  let lastId = 0
  // The host's origin is unknown to a view, and nothing that is sent is secret to its host.
  const send = (message: JsonRpc) => host.postMessage(message, '*')

  addEventListener('message', ({ source, data }: MessageEvent<JsonRpc>) => {
    if (source !== host || data?.jsonrpc !== '2.0') return
    const { id, method, params = {}, result, error } = data
    if (method === undefined) {
      const waiting = pending.get(id as number)
      pending.delete(id as number)
      if (error) waiting?.reject(new Error(error.message))
      else waiting?.resolve(result as never)
    } else if (id === undefined) onNotification(method, params)
    else {
      const answer = onRequest(method, params)
      send(
        answer
          ? { jsonrpc: '2.0', id, result: answer }
          : {
              jsonrpc: '2.0',
              id,
              error: { code: METHOD_NOT_FOUND, message: `Method not found: ${method}` },
            },
      )
    }
  })

  return {
    request(method, params) {
      lastId += 1
      const id = lastId
      send({ jsonrpc: '2.0', id, method, params })
      return new Promise((resolve, reject) => {
        pending.set(id, { resolve, reject })
        setTimeout(() => {
          if (pending.delete(id)) reject(new Error('The host did not answer.'))
        }, TIME_LIMIT)
      })
    },
    notify(method, params = {}) {
      send({ jsonrpc: '2.0', method, params })
    },
  }
}
