/**
 * When each client last asked for something, kept in the data directory for `npm run status`. Only
 * what the log line tells: the client's own name, the tool or method, and how it went.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface ClientActivity {
  /** In ISO 8601. */
  at: string
  asked: string
  outcome: string
  /** Since the first request that is remembered. */
  requests: number
}

export type Activity = Record<string, ClientActivity>

/** Clients choose their names: one that is made anew each time must not fill the file. */
const MAX_CLIENTS = 50
const PAUSE_MS = 2000

const pathIn = (dataDirectory: string) => join(dataDirectory, 'activity.json')

export function readActivity(dataDirectory: string): Activity {
  try {
    return JSON.parse(readFileSync(pathIn(dataDirectory), 'utf8'))
  } catch {
    return {}
  }
}

/** Follows the Worker's log lines; writes what they tell every few seconds, and at the end. */
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
      // The disk is full; requests matter more than when the last one was.
    }
  }

  return {
    /** Takes a line of the Worker's log; others are passed over. */
    note(line: string): void {
      const fields = parse(line)
      if (fields?.rpc_method === undefined && fields?.tool === undefined) return
      const name = String(fields.client ?? 'without a name').slice(0, 100)
      const requests = (clients.get(name)?.requests ?? 0) + 1
      // Latest last, so that the first is the one to forget.
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
