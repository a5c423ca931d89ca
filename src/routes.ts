/** The URL table, and the checks before it: foreign hosts, plain http, preflights, origins, settings. */
import { type RequestContext, refuseIncomplete, useGrant } from './admission.ts'
import { isBoardPath, refusePath, serveBoard, serveFile } from './assets.ts'
import type { ConfigResult } from './config.ts'
import { serveHealth } from './health.ts'
import { accepts, allowOrigin, isAllowedOrigin, json, preflight, refuseHost } from './http.ts'
import { countFor } from './limits.ts'
import { isLoopback } from './loopback.ts'
import { serveManage } from './manage.ts'
import { methodNotAllowed } from './mcp/endpoint.ts'
import { LEGACY_VERSIONS, MODERN_VERSIONS, SERVER_INFO, VERSION } from './mcp/protocol.ts'
import { handleOAuth, isOAuthPath } from './oauth/endpoints.ts'
import { type Site, siteOf } from './oauth/issuer.ts'
import { messagePage } from './pages/page.ts'
import { serveMcp } from './serve-mcp.ts'

/** Answers a request. */
export async function route(request: Request, context: RequestContext): Promise<Response> {
  const { settings, log } = context
  if (settings.ok) {
    const { apiKey, previousApiKey, supabaseServiceKey } = settings.config
    log.hide([apiKey, previousApiKey, supabaseServiceKey])
  }
  const url = URL.parse(request.url)
  if (!url) return json({ error: 'bad_request', message: 'The URL or the Host is malformed.' }, 400)
  log.add({ method: request.method, path: loggedPath(url.pathname) })

  if (settings.ok) {
    const { hosts } = settings.config
    // A name that someone else's DNS points here is how a web page reaches a relay on this machine.
    if (hosts && !hosts.has(url.hostname)) return refuseForeignHost(request, url, context)
    if (!hosts && url.protocol === 'http:' && !isLoopback(url.hostname)) {
      return refusePlainHttp(request, url)
    }
  }

  const isEndpoint = endpointOf(url.pathname) !== undefined
  const origin = isEndpoint ? request.headers.get('origin') : null
  const isForeign = origin !== null && !isOwnOrigin(origin, url, settings)

  const response = await serve(request, url, isForeign, context)
  return origin !== null && !isForeign ? allowOrigin(response, origin) : response
}

/**
 * The endpoint that a path means: `/mcp`, or `/` as in relay-mcp 0.1.0. Clients get a slash at the end
 * from the person who typed the URL, and two at the beginning from joining it with a base.
 */
function endpointOf(pathname: string): '/mcp' | '/' | undefined {
  if (/^\/+$/.test(pathname)) return '/'
  return /^\/+mcp\/*$/.test(pathname) ? '/mcp' : undefined
}

async function serve(
  request: Request,
  url: URL,
  isForeign: boolean,
  context: RequestContext,
): Promise<Response> {
  const { settings, assets } = context
  const { pathname } = url
  const isGet = request.method === 'GET' || request.method === 'HEAD'
  const site = settings.ok ? siteOf(settings.config, url) : undefined
  if (isOAuthPath(pathname)) return serveOAuth(request, url, site, context)
  if (request.method === 'OPTIONS') return preflight()
  if (isForeign) {
    return json(
      { error: 'forbidden', message: 'Pages of this origin may not call the relay.' },
      403,
    )
  }
  if (isBoardPath(pathname)) {
    const here = site ?? { issuer: url.origin, isIssuerHost: true }
    return isGet ? serveBoard(request, url, here, assets) : refuseMethod()
  }
  switch (endpointOf(pathname) ?? pathname) {
    case '/mcp':
      return serveMcp(request, url, site, context)
    case '/':
      return isGet ? greet(request, url, site, context) : serveMcp(request, url, site, context)
    case '/manage':
      return serveManage(request, url, site, context)
    case '/health':
      return isGet ? serveHealth(request, url, site, context) : refuseMethod()
    case '/icon.svg':
      if (!isGet) return refuseMethod()
      return (await serveFile('board/icon.svg', url, assets)) ?? refusePath(request, url, assets)
    default:
      return refusePath(request, url, assets)
  }
}

async function serveOAuth(
  request: Request,
  url: URL,
  site: Site | undefined,
  context: RequestContext,
): Promise<Response> {
  const { settings, limiters, log } = context
  if (!settings.ok || !site) return refuseIncomplete(context)
  if (!site.isIssuerHost) return refuseHost(url, log)
  return handleOAuth(url.pathname, request, {
    config: settings.config,
    keys: site.keys,
    log,
    countGuess: () => countFor(request, limiters.guesses),
    countRegistration: () => countFor(request, limiters.registrations),
    isOwnForm: isOwnForm(request, url, settings),
    useGrant: (grant, isNew) => useGrant(context.openDatabase(), grant, isNew, log),
  })
}

function isOwnOrigin(origin: string, url: URL, settings: ConfigResult): boolean {
  if (!settings.ok) return isAllowedOrigin(origin, url, new Set())
  const { allowedOrigins, publicUrl } = settings.config
  return origin === publicUrl || isAllowedOrigin(origin, url, allowedOrigins)
}

/** Browsers that say where a form came from are believed; others send no Origin, or a true one. */
function isOwnForm(request: Request, url: URL, settings: ConfigResult): boolean {
  const site = request.headers.get('sec-fetch-site')
  if (site !== null) return site === 'same-origin'
  const origin = request.headers.get('origin')
  return origin === null || isOwnOrigin(origin, url, settings)
}

/** A page for a browser, 405 for a client that looks for a stream, and the page's text for the rest. */
async function greet(
  request: Request,
  url: URL,
  site: Site | undefined,
  { settings, assets }: RequestContext,
): Promise<Response> {
  if (accepts(request, 'text/event-stream')) return methodNotAllowed()
  if (accepts(request, 'text/html')) {
    const page = await serveFile('pages/home.html', url, assets)
    if (page) return page
  }
  return json({
    service: SERVER_INFO.name,
    version: VERSION,
    url: `${site?.issuer ?? url.origin}/mcp`,
    endpoint: '/mcp',
    protocol_versions: [...MODERN_VERSIONS, ...LEGACY_VERSIONS],
    authorization: ['key', 'oauth'],
    usage: 'POST JSON-RPC 2.0 messages to /mcp with "Authorization: Bearer <RELAY_API_KEY>".',
    app: settings.ok && settings.config.app,
    faults: settings.ok ? [] : settings.faults,
    warnings: settings.warnings.map(({ message }) => message),
  })
}

/** The answer under a foreign name: for a person who opens a tunnel's address, with the fix. */
function refuseForeignHost(request: Request, url: URL, { log }: RequestContext): Response {
  const refusal = refuseHost(url, log)
  if (request.method !== 'GET' || !accepts(request, 'text/html')) return refusal
  return messagePage(
    'This relay has another address',
    `It does not answer to ${url.host}. If you reach it under that name, for example through a tunnel, set RELAY_PUBLIC_URL to ${url.origin} and start the relay again.`,
    421,
  )
}

/**
 * Over plain http everyone on the way reads the key. A browser that a person pointed here is sent to
 * https; a client is not, because it would send its key in the clear each time, unnoticed.
 */
function refusePlainHttp(request: Request, url: URL): Response {
  const isVisit = request.method === 'GET' && accepts(request, 'text/html')
  if (isVisit && !request.headers.has('authorization')) {
    const location = url.href.replace(/^http:/, 'https:')
    return new Response(null, { status: 301, headers: { location } })
  }
  return json({ error: 'https_required', message: 'This relay answers https only.' }, 403)
}

function refuseMethod(): Response {
  return json({ error: 'method_not_allowed', message: 'Only GET is answered here.' }, 405, {
    allow: 'GET',
  })
}

/** Paths that clients are known to ask for. Any other may hold a secret that was pasted by mistake. */
function loggedPath(pathname: string): string {
  const isKnown =
    /^\/+(mcp\/*|health|manage|icon\.svg|board\/?|register|authorize|token|\.well-known\/[a-z/-]*)?$/
  return isKnown.test(pathname) ? pathname : '(other)'
}
