/** Who may use the endpoint: authentication, and the answers to those who may not. */

import { type AuthInfo, authenticate } from './auth.ts'
import type { Assets } from './board.ts'
import type { Config, ConfigResult } from './config.ts'
import type { Database } from './db.ts'
import { json, refuseHost } from './http.ts'
import { guessesFrom, type RateLimiter } from './limits.ts'
import type { RequestLog } from './log.ts'
import { challenge } from './oauth/bearer.ts'
import { tooMany } from './oauth/endpoints.ts'
import { isIssuerHost, metadataPath, signingKeys } from './oauth/issuer.ts'

/** What index.ts prepares for a request. */
export interface RequestContext {
  settings: ConfigResult
  /** The database; opened only by a request that needs it. */
  openDatabase: () => Database
  /** Absent where the platform gives none. */
  limiters: { guesses: RateLimiter | undefined; registrations: RateLimiter | undefined }
  /** The board's files; absent in a deployment without them. */
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
  { limiters, log }: RequestContext,
): Promise<AuthInfo | Response> {
  const authentication = await authenticate(
    request,
    config,
    signingKeys(config, url),
    isIssuerHost(config.publicUrl, url),
    guessesFrom(request, limiters.guesses),
  )
  if (authentication.ok) return authentication.auth
  const { fault } = authentication
  log.add({ outcome: 'refused', error_code: fault === 'none' ? 'unauthorized' : fault })
  if (fault === 'wrong_host') return refuseHost(url, log)
  if (fault === 'limited') return tooMany('Too many wrong keys from your address.')
  return challenge(CHALLENGES[fault], metadataUrl(config, url))
}

const CHALLENGES = {
  none: 'none',
  doubled_scheme: 'doubled',
  invalid_token: 'invalid',
  wrong_key: 'invalid',
} as const

/** The answer to a caller whose token has too narrow a scope. */
export function refuseScope(config: Config, url: URL): Response {
  return challenge('scope', metadataUrl(config, url))
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

/** Where the resource that was asked for describes itself; undefined while OAuth is off. */
function metadataUrl(config: Config, url: URL): string | undefined {
  const keys = signingKeys(config, url)
  // A person may have typed `/mcp/`; `//mcp` is a slip of joining, and its resource is `/mcp`.
  const [path = '/mcp'] = /^\/(mcp\/?)?$/.exec(url.pathname) ?? []
  return keys && keys.issuer + metadataPath(path)
}
