/** What the checks look at: one relay, its answers as they are asked for, and where it can be repaired. */

import type { FaultCode } from '../../src/errors.ts'
import { isLoopback } from '../../src/loopback.ts'
import { type Answer, McpClient } from '../lib/mcp-client.ts'
import { readVersion } from '../lib/project.ts'
import type { Target } from '../local/target.ts'

export interface Subject {
  url: URL
  origin: string
  /** As it was given, and as it is sent: without what cannot belong to it. */
  given: string
  key: string
  /** Of `npm start`, whose settings are in .dev.vars; else a deployment, whose settings are secrets. */
  isLocal: boolean
  /** The version of this folder. */
  version: string
  relay: McpClient
  /** Begins the names of threads that a check makes. */
  scratch: string
  /** What /health tells anyone. Asked once; rejects when nothing answers. */
  health(): Promise<Answer>
  /** What it tells the holder of the key, likewise. */
  diagnosis(): Promise<Answer>
}

/** The fields of /health with the key that the checks look at; src/health.ts makes `database`. */
export interface Diagnosis {
  /** What is wrong with optional settings, each in a sentence. */
  warnings?: string[]
  issuer: string
  oauth: boolean
  rate_limits: boolean
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
    message_count: number
    other_thread_count: number
    functions: Record<string, boolean>
  }
}

export function subjectOf({ url, key: given, isOwn }: Target): Subject {
  const key = isOwn ? given : bareKey(given)
  const relay = new McpClient(url.origin, key)
  const authorization = `Bearer ${key}`
  return {
    url,
    origin: url.origin,
    given,
    key,
    isLocal: isOwn || isLoopback(url.hostname),
    version: readVersion(),
    relay,
    scratch: `smoke-${Date.now()}`,
    health: once(() => relay.fetch('/health')),
    diagnosis: once(() => relay.fetch('/health', { headers: { authorization } })),
  }
}

export async function diagnosisOf(subject: Subject): Promise<Diagnosis> {
  return (await subject.diagnosis()).body
}

/** What went wrong below HTTP, in one word where there is one. */
export function causeOf(error: Error): string {
  const { code, message } = (error.cause ?? {}) as { code?: string; message?: string }
  return code ?? message ?? (error.name === 'TimeoutError' ? 'no answer in time' : error.message)
}

/** A key without what comes along when it is copied, so that the rest can be looked at. */
function bareKey(given: string): string {
  const bare = given.trim().replace(/^Bearer\s+/i, '')
  return bare.replace(/^(["'`])(.*)\1$/, '$2').replace(/[^\x21-\x7e]/g, '')
}

function once<T>(ask: () => Promise<T>): () => Promise<T> {
  let answer: Promise<T> | undefined
  return () => {
    answer ??= ask()
    return answer
  }
}
