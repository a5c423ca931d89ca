/** Who may use the endpoint, and the answers to those who may not. */
import type { Assets } from './assets.ts'
import { type AuthInfo, authenticate } from './auth.ts'
import type { Config, ConfigResult } from './config.ts'
import type { Database } from './db.ts'
import { RelayError, RevokedError } from './errors.ts'
import type { Receivers } from './events/receiver.ts'
import { json, refuseHost } from './http.ts'
import type { RateLimiter } from './limits.ts'
import type { RequestLog } from './log.ts'
import { challenge } from './oauth/bearer.ts'
import { OAuthError } from './oauth/errors.ts'
import { metadataPath, type Site } from './oauth/issuer.ts'
import type { KeptGrant } from './oauth/token.ts'

/** Prepared by index.ts for a request. */
export interface RequestContext {
  settings: ConfigResult
  /** The database; opened only by a request that needs it. */
  openDatabase: () => Database
  /** Absent where the platform has none. */
  limiters: {
    guesses: RateLimiter | undefined
    registrations: RateLimiter | undefined
    verifications: RateLimiter | undefined
  }
  receivers: Receivers
  /** The static files; absent in a deployment without them. */
  assets: Assets | undefined
  log: RequestLog
  /** Runs something after the answer, which does not wait for it. */
  afterwards(task: () => Promise<void>): void
}

/** Who is asking, or the answer to a caller who may not. */
export async function admit(
  request: Request,
  url: URL,
  config: Config,
  site: Site,
  log: RequestLog,
): Promise<AuthInfo | Response> {
  const authentication = await authenticate(request, config, site)
  if (authentication.ok) return authentication.auth
  const { refusal } = authentication
  log.add({ outcome: 'refused', error_code: refusal })
  if (refusal === 'wrong_host') return refuseHost(url, log)
  return challenge(refusal, metadataUrl(site, url))
}

/** The answer to a caller whose token has too narrow a scope. */
export function refuseScope(site: Site, url: URL): Response {
  return challenge('insufficient_scope', metadataUrl(site, url))
}

/** The answer to a caller whose connection was cut off. */
export function refuseToken(site: Site, url: URL, log: RequestLog): Response {
  log.add({ outcome: 'refused', error_code: 'invalid_token' })
  return challenge('invalid_token', metadataUrl(site, url))
}

/** For the token endpoint: keeps or uses a grant; false if that is refused. Throws OAuthError. */
export async function useGrant(
  db: Database,
  grant: KeptGrant,
  isNew: boolean,
  log: RequestLog,
): Promise<boolean> {
  try {
    // Not repeated for a new one: the first attempt may have used up the code.
    const options = { retry: !isNew }
    const args = { caller: grant, opens: isNew }
    const { opened } = await db.call<{ opened?: boolean }>('relay_use_grant', args, options)
    return opened !== false
  } catch (error) {
    if (error instanceof RevokedError) return false
    if (!(error instanceof RelayError)) throw error
    log.addError(error)
    throw new OAuthError('temporarily_unavailable', error.message)
  }
}

/** The answer of every endpoint while required settings are missing. */
export function refuseIncomplete({ settings, log }: RequestContext): Response {
  const faults = settings.ok ? [] : settings.faults
  const message = faults.map((fault) => fault.message).join(' ')
  log.add({ outcome: 'failed', error_code: 'configuration', reason: message })
  return json(
    { error: 'configuration', message: `This relay is not set up completely: ${message}` },
    500,
  )
}

/** Where the resource that was asked for describes itself. */
function metadataUrl({ issuer }: Site, url: URL): string {
  // A person may have typed `/mcp/`; `//mcp` comes from joining two parts, and its resource is `/mcp`.
  const [path = '/mcp'] = /^\/(mcp\/?)?$/.exec(url.pathname) ?? []
  return issuer + metadataPath(path)
}
