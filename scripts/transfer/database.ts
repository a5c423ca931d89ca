/**
 * The relay's database as export and import reach it, without the Worker: its SQL functions, called by
 * name. At home the embedded PostgreSQL, whether or not `npm start` runs; else the Supabase project.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Settings } from '../lib/settings.ts'
import { callFunction, interpret } from '../lib/supabase-api.ts'
import { UserError } from '../lib/user-error.ts'
import { openHomeDatabase } from '../local/home-database.ts'

// biome-ignore lint/suspicious/noExplicitAny: callers know what the function they call returns.
type Json = any

export interface RelayDatabase extends AsyncDisposable {
  /** Which one it is, in words for a person. */
  place: string
  /** Calls `public.<fn>`; attempts it again after a connection failure. Throws UserError. */
  call(fn: string, args: Record<string, unknown>): Promise<Json>
}

/** What an SQL function or the API in front of it says when it refuses. */
interface DatabaseRefusal {
  code?: string
  message?: string
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
            refuse(typeof body === 'string' ? { message: 'not in JSON' } : body, status)
        }
        if (attempt === ATTEMPTS) {
          throw new UserError(
            `${host} does not answer. If the project is paused, restore it at ` +
              'https://supabase.com/dashboard. Then run this again: it continues where it stopped.',
          )
        }
        await sleep(PAUSE_MS * attempt)
      }
    },

    async [Symbol.asyncDispose]() {},
  }
}

function refuse(error: DatabaseRefusal, status?: number): never {
  const { code, message = '' } = error
  switch (interpret(code, status, code ? '' : message)) {
    case 'migration_missing':
      throw new UserError(
        'The tables there are missing or of another version: run migrations/001_initial.sql first.',
      )
    case 'permission_denied':
    case 'service_key_refused':
      throw new UserError('SUPABASE_SERVICE_KEY is refused there: it must be the secret key.')
    case 'import_refused':
      throw new UserError(
        `The file cannot be added to this relay: ${message}. Nothing of that part was written.`,
      )
    default:
      throw new UserError(`The database refuses: ${message || code || 'it gives no reason'}.`)
  }
}
