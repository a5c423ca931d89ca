/** The subject of the checks: one relay, its answers (each requested once), and where it runs. */
import type { FaultCode } from '../../src/errors.ts'
import { cleanKey } from '../../src/key-rules.ts'
import { isLoopback } from '../../src/loopback.ts'
import { type Answer, McpClient } from '../lib/mcp-client.ts'
import { readVersion } from '../lib/project.ts'
import type { Home, Target } from '../local/target.ts'

export interface Subject {
  url: URL
  origin: string
  /** The key as it was set here. */
  given: string
  /** The key as the checks send it: without quotes, white space and other characters around it. */
  key: string
  /** True for `npm start`, which reads .dev.vars; false for a deployment, which has secrets. */
  isLocal: boolean
  /** The relay of `npm start`, if it is the one of this folder. */
  home?: Home | undefined
  /** The version in this folder. */
  version: string
  relay: McpClient
  /** The prefix of the threads that checks create. */
  scratch: string
  /** The answer of /health without the key. Requested once; rejects when nothing answers. */
  health(): Promise<Answer>
  /** The answer of /health with the key, likewise. */
  diagnosis(): Promise<Answer>
}

/** The fields of /health with the key that the checks read; src/health.ts writes them. */
export interface Diagnosis {
  issuer: string
  rate_limits: boolean
  events: boolean
  colo?: string
  now: string
  database: {
    project?: string
    fault?: FaultCode
    api_code?: string
    round_trip_ms: number
    clock_difference_ms: number
    schema_version: number
    thread_count: number
    /** Archived threads that retention deletes within a week; absent while it is off. */
    due_thread_count?: number
    message_count: number
    reader_count: number
    other_thread_count: number
    target_count: number
    failing_target_count: number
    /** The last run of the cron trigger. */
    scheduled_run_at?: string
    functions: Record<string, boolean>
  }
}

export function createSubject({ url, key: given, home }: Target): Subject {
  const key = home ? given : stripKey(given)
  const relay = new McpClient(url.origin, key)
  const authorization = `Bearer ${key}`
  return {
    url,
    origin: url.origin,
    given,
    key,
    isLocal: home !== undefined || isLoopback(url.hostname),
    home,
    version: readVersion(),
    relay,
    scratch: `smoke-${Date.now()}`,
    health: once(() => relay.fetch('/health')),
    diagnosis: once(() => relay.fetch('/health', { headers: { authorization } })),
  }
}

export async function readDiagnosis(subject: Subject): Promise<Diagnosis> {
  return (await subject.diagnosis()).body
}

/** Names the failure below HTTP: an error code if there is one, otherwise a message. */
export function describeCause(error: Error): string {
  const { code, message } = (error.cause ?? {}) as { code?: string; message?: string }
  return code ?? message ?? (error.name === 'TimeoutError' ? 'no answer in time' : error.message)
}

/** Removes text that was copied along with a key, so that the other checks can use it. */
function stripKey(given: string): string {
  return cleanKey(given).replace(/[^\x21-\x7e]/g, '')
}

function once<T>(ask: () => Promise<T>): () => Promise<T> {
  let answer: Promise<T> | undefined
  return () => {
    answer ??= ask()
    return answer
  }
}
