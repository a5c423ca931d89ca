/**
 * The relay's database as scripts reach it, without the Worker: its SQL functions, called by name.
 * At home the embedded PostgreSQL, whether or not `npm start` runs; else the Supabase project.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { openHomeDatabase } from '../local/home-database.ts'
import type { Settings } from './settings.ts'
import { UserError } from './user-error.ts'

// biome-ignore lint/suspicious/noExplicitAny: callers know what the function they call returns.
type Json = any

export interface RelayDatabase extends AsyncDisposable {
  /** Which one it is, in words for a person. */
  place: string
  /** Calls `public.<fn>`; attempts it again after a connection failure. Throws UserError. */
  call(fn: string, args: Record<string, unknown>): Promise<Json>
}

/** What an SQL function or the API in front of it says when it refuses. */
export interface DatabaseRefusal {
  code?: string
  message?: string
}

const ATTEMPTS = 5
const PAUSE_MS = 1000

export async function openDatabase(settings: Settings): Promise<RelayDatabase> {
  if (settings.supabaseUrl) return supabase(settings.supabaseUrl, settings.serviceKey)
  const { call, ...home } = await openHomeDatabase(settings.dataDirectory)
  return { ...home, call: (fn, args) => call(fn, args).catch((error) => refuse(error)) }
}

function supabase(url: string, serviceKey: string): RelayDatabase {
  const { origin, host } = new URL(url)
  return {
    place: `the Supabase project at ${host}`,

    async call(fn, args) {
      for (let attempt = 1; ; attempt += 1) {
        const response = await fetch(`${origin}/rest/v1/rpc/${fn}`, {
          method: 'POST',
          redirect: 'manual',
          headers: {
            apikey: serviceKey,
            authorization: `Bearer ${serviceKey}`,
            'content-type': 'application/json',
          },
          body: JSON.stringify(args),
        }).catch((error: Error) => error)
        if (!(response instanceof Error)) {
          const text = await response.text()
          if (response.ok) return JSON.parse(text)
          if (response.status < 500) refuse(parsed(text))
        }
        if (attempt === ATTEMPTS) {
          throw new UserError(
            `${host} does not answer. If the project is paused, restore it at ` +
              'https://supabase.com/dashboard; then run this again, it goes on where it stopped.',
          )
        }
        await sleep(PAUSE_MS * attempt)
      }
    },

    async [Symbol.asyncDispose]() {},
  }
}

function refuse({ code = '', message = '' }: DatabaseRefusal): never {
  if (code === 'PGRST202' || code === '42883') {
    throw new UserError(
      'The tables there are missing or of another version: run migrations/001_initial.sql first.',
    )
  }
  if (code === '42501' || /api key|jwt/i.test(message)) {
    throw new UserError('SUPABASE_SERVICE_KEY is refused there: it must be the secret key.')
  }
  throw new UserError(`The database refuses: ${message || code || 'it says nothing'}.`)
}

function parsed(text: string): DatabaseRefusal {
  try {
    return JSON.parse(text)
  } catch {
    return { message: `not in JSON (${text.length} bytes)` }
  }
}
