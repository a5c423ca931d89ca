/**
 * Records the last request of each client in the data directory, for `npm run status`. Takes from the
 * log line only the name that the client gives itself, the tool or method, and the outcome.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CLIENT_INFO } from '../lib/mcp-client.ts'

export interface ClientActivity {
  /** In ISO 8601. */
  at: string
  asked: string
  outcome: string
  /** Counted since the client was first recorded. */
  requests: number
}

export type Activity = Record<string, ClientActivity>

/** Clients choose their names, so a client with ever new names must not fill the file. */
const MAX_CLIENTS = 50
const PAUSE_MS = 2000

const pathIn = (dataDirectory: string) => join(dataDirectory, 'activity.json')

export function readActivity(dataDirectory: string): Activity {
  try {
    return JSON.parse(readFileSync(pathIn(dataDirectory), 'utf8')) ?? {}
  } catch {
    return {}
  }
}

/** Reads the Worker's log lines; writes the file every few seconds, and at the end. */
export function followActivity(dataDirectory: string) {
  const clients = new Map(Object.entries(readActivity(dataDirectory)))
  let timer: NodeJS.Timeout | undefined

  function save(): void {
    clearTimeout(timer)
    timer = undefined
    const path = pathIn(dataDirectory)
    const draft = `${path}.${process.pid}`
    try {
      writeFileSync(draft, JSON.stringify(Object.fromEntries(clients)), { mode: 0o600 })
      renameSync(draft, path)
    } catch {
      // The disk is full. Serving requests matters more than recording them.
    }
  }

  return {
    /** Takes a line of the Worker's output; ignores lines that are not requests of a client. */
    note(line: string): void {
      const fields = parse(line)
      if (fields?.rpc_method === undefined && fields?.tool === undefined) return
      const name = String(fields.client ?? 'without a name').slice(0, 100)
      if (name === CLIENT_INFO.name) return
      const requests = (clients.get(name)?.requests ?? 0) + 1
      // The latest comes last, so that the first is the oldest.
      clients.delete(name)
      clients.set(name, {
        at: String(fields.time),
        asked: String(fields.tool ?? fields.rpc_method).slice(0, 100),
        outcome: String(fields.outcome),
        requests,
      })
      const [oldest] = clients.keys()
      if (clients.size > MAX_CLIENTS && oldest !== undefined) clients.delete(oldest)
      timer ??= setTimeout(save, PAUSE_MS)
      timer.unref()
    },
    stop(): void {
      if (timer) save()
    },
  }
}

function parse(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
