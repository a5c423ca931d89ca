/** The URL table, and what stands before it: foreign hosts, preflights, origins, settings, keys. */
import { type AuthInfo, authenticate } from './auth.ts'
import { type Config, type ConfigResult, isLoopback } from './config.ts'
import type { Database } from './db.ts'
import { diagnoseDatabase } from './diagnosis.ts'
import { allowOrigin, isAllowedOrigin, json, preflight } from './http.ts'
import { countFor, type RateLimiter } from './limits.ts'
import type { RequestLog } from './log.ts'
import { handleMcp } from './mcp/endpoint.ts'
import { LEGACY_VERSIONS, MODERN_VERSIONS, SERVER_INFO, VERSION } from './mcp/protocol.ts'
import { challenge } from './oauth/bearer.ts'
import { handleOAuth, isOAuthPath, metadataPath, tooMany } from './oauth/endpoints.ts'
import type { SigningKeys } from './oauth/jwt.ts'
import { homePage } from './pages/home.ts'
import { icon } from './pages/icon.ts'
import { MAX_MESSAGE_BYTES } from './tools/budget.ts'

/** What index.ts prepares for a request. */
export interface RequestContext {
  settings: ConfigResult
  /** The database; opened only by a request that needs it. */
  openDatabase: () => Database
  /** Absent where the platform gives none. */
  limiters: { guesses: RateLimiter | undefined; registrations: RateLimiter | undefined }
  log: RequestLog
}

/** Answers a request. */
export async function route(request: Request, context: RequestContext): Promise<Response> {
  const { settings, log } = context
  const url = URL.parse(request.url)
  if (!url) return json({ error: 'bad_request', message: 'The URL or the Host is malformed.' }, 400)
  log.add({ method: request.method, path: loggedPath(url.pathname) })

  if (settings.ok) {
    const { apiKey, previousApiKey, supabaseServiceKey } = settings.config
    log.hide([apiKey, previousApiKey, supabaseServiceKey])
  }

  // A name that someone else's DNS points here is how a web page reaches a relay on this machine.
  const hosts = settings.ok ? settings.config.hosts : undefined
  if (hosts && !hosts.has(url.hostname)) return misdirected()

  // Beside /mcp, / is an MCP endpoint too, as it was in relay-mcp 0.1.0.
  const isEndpoint = url.pathname === '/mcp' || url.pathname === '/'
  const origin = isEndpoint ? request.headers.get('origin') : null
  const isForeign = origin !== null && !isOwnOrigin(origin, url, settings)

  const response = await answer(request, url, isForeign, context)
  return origin !== null && !isForeign ? allowOrigin(response, origin) : response
}

async function answer(
  request: Request,
  url: URL,
  isForeign: boolean,
  context: RequestContext,
): Promise<Response> {
  const { pathname } = url
  const isGet = request.method === 'GET' || request.method === 'HEAD'
  if (isOAuthPath(pathname)) return oauth(request, url, context)
  if (request.method === 'OPTIONS') return preflight()
  if (isForeign) {
    return json(
      { error: 'forbidden', message: 'Pages of this origin may not call the relay.' },
      403,
    )
  }
  switch (pathname) {
    case '/mcp':
      return mcp(request, url, context)
    case '/':
      return isGet ? hello(request, url, context) : mcp(request, url, context)
    case '/health':
      return isGet ? health(request, url, context) : methodNotAllowed()
    case '/icon.svg':
      return isGet ? icon() : methodNotAllowed()
    case '/mcp/':
      return notFound('The MCP endpoint is /mcp, without a slash at its end.')
    default:
      return notFound('There is nothing here. The MCP endpoint is /mcp.')
  }
}

async function mcp(request: Request, url: URL, context: RequestContext): Promise<Response> {
  const { settings, openDatabase, log } = context
  if (!settings.ok) return incomplete(context)
  const auth = await admit(request, url, settings.config, context)
  if (auth instanceof Response) return auth
  return handleMcp(request, {
    log,
    scope: auth.scope,
    refuseScope: () => refuseScope(settings.config, url),
    tools: {
      db: openDatabase(),
      userId: auth.userId,
      signal: request.signal,
      budget: { bytes: MAX_MESSAGE_BYTES },
      isBatch: false,
      via: auth.client,
      isLean: false,
    },
  })
}

/** Who is asking, or the answer to whoever may not. */
async function admit(
  request: Request,
  url: URL,
  config: Config,
  { limiters, log }: RequestContext,
): Promise<AuthInfo | Response> {
  const keys = signingKeys(config, url)
  const authentication = await authenticate(request, config, keys, isIssuerHost(config, url))
  if (authentication.ok) return authentication.auth
  const { fault } = authentication
  log.add({ outcome: 'refused', error_code: fault === 'none' ? 'unauthorized' : fault })
  if (fault === 'wrong_host') return misdirected()
  if (fault === 'wrong_key' && !(await countFor(request, limiters.guesses))) {
    return tooMany('Too many wrong keys from your address.')
  }
  return challenge(fault === 'none' ? 'none' : 'invalid', metadataUrl(keys, url))
}

function refuseScope(config: Config, url: URL): Response {
  return challenge('scope', metadataUrl(signingKeys(config, url), url))
}

async function oauth(request: Request, url: URL, context: RequestContext): Promise<Response> {
  const { settings, limiters, log } = context
  if (!settings.ok) return incomplete(context)
  const { config } = settings
  if (!isIssuerHost(config, url)) return misdirected()
  const keys = signingKeys(config, url)
  if (!keys) {
    return notFound(
      'OAuth is off: RELAY_API_KEY has fewer than 32 characters, which anyone could guess.',
    )
  }
  return handleOAuth(url.pathname, request, {
    config,
    keys,
    log,
    countGuess: () => countFor(request, limiters.guesses),
    countRegistration: () => countFor(request, limiters.registrations),
    isOwnForm: isOwnForm(request, url, settings),
  })
}

/** The origin that tokens are issued by and for: as configured, else as the client wrote it. */
function issuerOf({ publicUrl }: Config, url: URL): string {
  return publicUrl ?? `${isLoopback(url.hostname) ? url.protocol : 'https:'}//${url.host}`
}

/** Whether a request came to that origin's host, which alone may issue and take tokens. */
function isIssuerHost({ publicUrl }: Config, { host }: URL): boolean {
  return publicUrl === undefined || new URL(publicUrl).host === host
}

/** What signs and verifies tokens; undefined while the key is too short to be safe from guessing. */
function signingKeys(config: Config, url: URL): SigningKeys | undefined {
  const isLong = (key: string | undefined) => key !== undefined && key.length >= MIN_SIGNING_KEY
  if (!isLong(config.apiKey)) return undefined
  return {
    current: config.apiKey,
    previous: isLong(config.previousApiKey) ? config.previousApiKey : undefined,
    issuer: issuerOf(config, url),
  }
}

/** Anybody can collect a signature and try keys against it at home. */
const MIN_SIGNING_KEY = 32

function metadataUrl(keys: SigningKeys | undefined, { pathname }: URL): string | undefined {
  return keys && keys.issuer + metadataPath(pathname === '/' ? '/' : '/mcp')
}

function isOwnOrigin(origin: string, url: URL, settings: ConfigResult): boolean {
  const allowed = settings.ok ? settings.config.allowedOrigins : new Set<string>()
  return isAllowedOrigin(origin, url, allowed)
}

/** Browsers that say where a form came from are believed; others send no Origin, or a true one. */
function isOwnForm(request: Request, url: URL, settings: ConfigResult): boolean {
  const site = request.headers.get('sec-fetch-site')
  if (site !== null) return site === 'same-origin'
  const origin = request.headers.get('origin')
  return origin === null || isOwnOrigin(origin, url, settings)
}

/** For a browser a page, for everything else a short greeting. */
function hello(request: Request, url: URL, { settings }: RequestContext): Response {
  const isShort = settings.ok && settings.config.apiKey.length < MIN_SIGNING_KEY
  if (request.headers.get('accept')?.includes('text/html')) {
    const origin = settings.ok ? issuerOf(settings.config, url) : url.origin
    return homePage({
      url: `${origin}/mcp`,
      faults: settings.ok ? [] : settings.faults,
      hasOAuth: !isShort,
      isLocal: isLoopback(new URL(origin).hostname),
    })
  }
  return json({
    service: SERVER_INFO.name,
    version: VERSION,
    endpoint: '/mcp',
    protocol_versions: [...MODERN_VERSIONS, ...LEGACY_VERSIONS],
    authorization: isShort ? ['key'] : ['key', 'oauth'],
    usage: 'POST JSON-RPC 2.0 messages to /mcp with "Authorization: Bearer <RELAY_API_KEY>".',
  })
}

/**
 * Without the database: a monitor that asks every minute would keep a paused project's owner calm.
 * Whoever brings the key is told what only the Worker can see, for `npm run doctor`.
 */
async function health(request: Request, url: URL, context: RequestContext): Promise<Response> {
  const { settings, openDatabase, limiters, log } = context
  const about = { service: SERVER_INFO.name, version: VERSION }
  if (!settings.ok) {
    const problems = settings.faults.map((fault) => fault.message)
    return json({ ok: false, ...about, problems }, 503)
  }
  if (!request.headers.has('authorization')) return json({ ok: true, ...about })

  const { config } = settings
  const auth = await admit(request, url, config, context)
  if (auth instanceof Response) return auth
  if (auth.scope !== 'mcp') return refuseScope(config, url)
  const database = await diagnoseDatabase(openDatabase(), config, log)
  const ok = !('fault' in database)
  const diagnosis = {
    ok,
    ...about,
    issuer: issuerOf(config, url),
    oauth: signingKeys(config, url) !== undefined,
    rate_limits: Boolean(limiters.guesses && limiters.registrations),
    colo: request.cf?.colo,
    now: new Date(),
    database,
  }
  return json(diagnosis, ok ? 200 : 503, { 'cache-control': 'no-store' })
}

function incomplete({ settings, log }: RequestContext): Response {
  const faults = settings.ok ? [] : settings.faults
  const message = faults.map((fault) => fault.message).join(' ')
  log.add({ outcome: 'failed', error_code: 'configuration', reason: message })
  return json(
    { error: 'configuration', message: `This relay is not set up completely: ${message}` },
    500,
  )
}

/** RFC 9110 section 15.5.20. */
function misdirected(): Response {
  return json({ error: 'misdirected_request', message: 'This relay has another host name.' }, 421)
}

function notFound(message: string): Response {
  return json({ error: 'not_found', message }, 404)
}

function methodNotAllowed(): Response {
  return json({ error: 'method_not_allowed', message: 'Only GET is answered here.' }, 405, {
    allow: 'GET',
  })
}

/** Paths that clients are known to ask for. Any other may hold what somebody pasted by mistake. */
function loggedPath(pathname: string): string {
  const isKnown = /^\/(mcp\/?|health|icon\.svg|register|authorize|token|\.well-known\/[a-z/-]*)?$/
  return isKnown.test(pathname) ? pathname : '(other)'
}
