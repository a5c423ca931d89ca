/**
 * How export and import reach the relay's database: they call its SQL functions by name, without the
 * Worker. The database is the embedded PostgreSQL, whether or not `npm start` runs, or a Supabase
 * project.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { faultMessage } from '../../src/errors.ts'
import type { Settings } from '../lib/settings.ts'
import { callFunction, interpret } from '../lib/supabase-api.ts'
import { UserError } from '../lib/user-error.ts'
import { openHomeDatabase } from '../local/home-database.ts'

// biome-ignore lint/suspicious/noExplicitAny: callers know what their function returns.
type Json = any

export interface RelayDatabase extends AsyncDisposable {
  /** Which database it is, for a person. */
  place: string
  /** Calls `public.<fn>`, and retries after a connection failure. Throws UserError. */
  call(fn: string, args: Record<string, unknown>): Promise<Json>
}

/** The error of an SQL function, or of the API in front of it. */
interface DatabaseRefusal {
  code?: string
  message?: string
  /** pg calls it `detail`, PostgREST `details`. */
  detail?: string | null
  details?: string | null
}

const ATTEMPTS = 5
const PAUSE_MS = 1000

export async function openDatabase(settings: Settings): Promise<RelayDatabase> {
  if (settings.supabaseUrl) return openProject(settings.supabaseUrl, settings.serviceKey)
  const { call, ...home } = await openHomeDatabase(settings.dataDirectory)
  return { ...home, call: (fn, args) => call(fn, args).catch((error) => refuse(error)) }
}

function openProject(supabaseUrl: string, key: string): RelayDatabase {
  const { origin: url, host } = new URL(supabaseUrl)
  return {
    place: `the Supabase project at ${host}`,

    async call(fn, args) {
      for (let attempt = 1; ; attempt += 1) {
        const answer = await callFunction({ url, key }, fn, args)
        if ('status' in answer) {
          const { status, body } = answer
          if (status >= 200 && status < 300) return body
          if (status < 500)
            refuse(typeof body === 'string' ? { message: 'the answer is not JSON' } : body, status)
        }
        if (attempt === ATTEMPTS) {
          throw new UserError(
            `${host} does not answer. If the project is paused, restore it at ` +
              'https://supabase.com/dashboard. Then run this command again.',
          )
        }
        await sleep(PAUSE_MS * attempt)
      }
    },

    async [Symbol.asyncDispose]() {},
  }
}

function refuse(error: DatabaseRefusal, status?: number): never {
  const { code, message = '', detail = error.details } = error
  const meaning = interpret(code, status, code ? '' : message)
  switch (meaning) {
    case 'import_refused':
      throw new UserError(
        `The file cannot be imported into this relay: ${message}${detail ? ` (${detail})` : ''}. ` +
          'Nothing of that part was written.',
      )
    case 'paused':
    case 'other':
      throw new UserError(`The database reports: ${message || code || 'no reason'}.`)
    default:
      throw new UserError(faultMessage(meaning))
  }
}
