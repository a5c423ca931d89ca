/** The Worker's entry: settings and the database client once per isolate, one log line per request. */
import type { Assets } from './assets.ts'
import { type ConfigResult, readConfig } from './config.ts'
import { connect, Database } from './db.ts'
import { RelayError } from './errors.ts'
import type { Receivers } from './events/receiver.ts'
import { deliver } from './events/sender.ts'
import { json, settleUpload } from './http.ts'
import type { RateLimiter } from './limits.ts'
import { RequestLog } from './log.ts'
import { route } from './routes.ts'

/** Bindings of wrangler.toml; the settings are config.ts's. */
interface Bindings {
  ASSETS?: Assets
  /** The way to the database, where `fetch` reaches the public internet only. */
  DATABASE?: Fetcher
  GUESSES?: RateLimiter
  REGISTRATIONS?: RateLimiter
  VERIFICATIONS?: RateLimiter
}

let settings: ConfigResult | undefined
let client: ReturnType<typeof connect> | undefined

/** Opens the database for one request. Throws when the settings are not complete. */
function openDatabase(result: ConfigResult, env: Bindings, log: RequestLog): Database {
  if (!result.ok) throw new Error(result.faults.map((fault) => fault.message).join(' '))
  const { supabaseUrl, supabaseServiceKey } = result.config
  client ??= connect(supabaseUrl, supabaseServiceKey, env.DATABASE)
  return new Database(client, result.config.userId, log)
}

/** Receivers on this machine are bindings named by their origin. */
function receiversOf(env: Bindings): Receivers {
  return (origin) => (/^http:/.test(origin) ? (env as Record<string, Fetcher>)[origin] : undefined)
}

async function serveLogged(
  request: Request,
  env: Bindings,
  afterwards: (task: () => Promise<void>) => void,
): Promise<Response> {
  const log = new RequestLog(request.headers.get('cf-ray') ?? undefined)
  log.add({ client: clientFamily(request.headers.get('user-agent')) })
  let response: Response
  try {
    settings ??= readConfig(env)
    const result = settings
    response = await route(request, {
      settings: result,
      openDatabase: () => openDatabase(result, env, log),
      assets: env.ASSETS,
      limiters: {
        guesses: env.GUESSES,
        registrations: env.REGISTRATIONS,
        verifications: env.VERIFICATIONS,
      },
      receivers: receiversOf(env),
      log,
      afterwards,
    })
  } catch (error) {
    log.add({ outcome: 'failed', error_code: 'internal', reason: describe(error) })
    const message = `Internal error (request ${log.requestId}).`
    response = json({ error: 'internal', message }, 500)
  }
  if (!response.ok) await settleUpload(request)
  log.addStatus(response.status)
  log.write('request')
  return response
}

/** The part of a User-Agent that names the program, such as `claude-code`. */
function clientFamily(userAgent: string | null): string {
  return /^[\w.-]+/.exec(userAgent ?? '')?.[0] ?? ''
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

/**
 * A run of the cron trigger: sends what is in the outbox, and once a day deletes what the settings say. It is a
 * real query in any case: Supabase pauses a free project after seven days without one.
 */
async function runScheduled(env: Bindings): Promise<void> {
  const log = new RequestLog()
  let isWorthALine = true
  try {
    settings ??= readConfig(env)
    const db = openDatabase(settings, env, log)
    const days = settings.ok ? settings.config.deleteArchivedDays : undefined
    const { deleted } = await db.call<{ deleted?: string[] }>('relay_scheduled', { days })
    isWorthALine = deleted !== undefined
    if (deleted?.length) log.add({ deleted_threads: deleted })
    if (settings.ok) {
      const { config } = settings
      await deliver(
        { db, config, receivers: receiversOf(env), origin: config.publicUrl, occasion: 'trigger' },
        db.requestCount,
      )
    }
  } catch (error) {
    isWorthALine = true
    const isKnown = error instanceof RelayError
    log.add({
      outcome: 'failed',
      error_code: isKnown ? error.code : 'internal',
      reason: isKnown ? (error.reason ?? error.message) : describe(error),
    })
  }
  // A line a day is enough, unless something failed.
  if (isWorthALine) log.write('scheduled')
}

export default {
  fetch(request, env, context) {
    const tasks: (() => Promise<void>)[] = []
    const response = serveLogged(request, env, (task) => tasks.push(task))
    // A client that disconnects must not cut short its own call: the post and its log line.
    context.waitUntil(response.then(() => Promise.all(tasks.map((task) => task()))))
    return response
  },
  scheduled(_controller, env, context) {
    context.waitUntil(runScheduled(env))
  },
} satisfies ExportedHandler<Bindings>
