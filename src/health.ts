/**
 * `GET /health`: anyone learns that the relay runs and whether its settings are complete. A caller
 * with the key learns the Worker's own view of its database, never a value of a setting. The
 * doctor says what it means and how to fix it.
 */
import { admit, type RequestContext, refuseScope, refuseToken } from './admission.ts'
import type { AuthInfo } from './auth.ts'
import type { Config } from './config.ts'
import type { Database } from './db.ts'
import { RelayError, RevokedError } from './errors.ts'
import { json } from './http.ts'
import type { RequestLog } from './log.ts'
import { SERVER_INFO, VERSION } from './mcp/protocol.ts'
import type { Site } from './oauth/issuer.ts'

/** So that one slow answer, such as the first with its handshakes, does not decide the median. */
const CALLS = 3

/** Answers without the database, unless the key is sent: a monitor would keep a project from pausing. */
export async function serveHealth(
  request: Request,
  url: URL,
  site: Site | undefined,
  context: RequestContext,
): Promise<Response> {
  const { settings, openDatabase, limiters, log } = context
  const about = { service: SERVER_INFO.name, version: VERSION }
  const warnings = settings.warnings.map(({ message }) => message)
  if (!settings.ok || !site) {
    const problems = (settings.ok ? [] : settings.faults).map(({ message }) => message)
    return json({ ok: false, ...about, problems, ...(warnings.length > 0 && { warnings }) }, 503)
  }
  if (!request.headers.has('authorization')) return json({ ok: true, ...about })

  const { config } = settings
  const auth = await admit(request, url, config, site, log)
  if (auth instanceof Response) return auth
  if (auth.scope !== 'mcp') return refuseScope(site, url)
  let database: object
  try {
    database = await diagnoseDatabase(openDatabase(), auth, config, log)
  } catch (error) {
    if (error instanceof RevokedError) return refuseToken(site, url, log)
    throw error
  }
  const ok = !('fault' in database)
  const diagnosis = {
    ok,
    ...about,
    warnings,
    issuer: site.issuer,
    app: config.app,
    events: config.events,
    // Only a right key or token gets here, so the time that a plain comparison takes reveals nothing.
    current_key: request.headers.get('authorization')?.endsWith(config.apiKey),
    rate_limits: Boolean(limiters.guesses && limiters.registrations),
    colo: request.cf?.colo,
    now: new Date(),
    database,
  }
  return json(diagnosis, ok ? 200 : 503, { 'cache-control': 'no-store' })
}

/** Asks the database for its status a few times. Throws RevokedError. */
async function diagnoseDatabase(
  db: Database,
  caller: AuthInfo,
  { supabaseUrl, deleteArchivedDays: days }: Config,
  log: RequestLog,
): Promise<object> {
  // The first part of a project's host is its public name, by which the dashboard finds it.
  const [, project] = /^https:\/\/(\w+)\.supabase\.co$/.exec(supabaseUrl) ?? []
  const times: number[] = []
  let status = {}
  let clockDifference = 0
  let due = {}
  try {
    if (caller.gid !== 'key') await db.for(caller).call('relay_use_grant', {})
    while (times.length < CALLS) {
      const startedAt = Date.now()
      const answer = await db.call<{ now: string }>('relay_status', {})
      const time = Date.now() - startedAt
      times.push(time)
      status = answer
      clockDifference = Math.round(Date.parse(answer.now) - startedAt - time / 2)
    }
    if (days !== undefined) {
      const { due_thread_count } = await db.call<{ due_thread_count: number }>('relay_daily', {
        days,
        deletes: false,
      })
      due = { due_thread_count }
    }
  } catch (error) {
    if (!(error instanceof RelayError)) throw error
    log.addError(error)
    return { project, fault: error.code, api_code: error.apiCode }
  }
  times.sort((a, b) => a - b)
  return {
    ...status,
    ...due,
    project,
    round_trip_ms: times[1],
    clock_difference_ms: clockDifference,
  }
}
