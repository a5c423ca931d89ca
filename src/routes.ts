/** The URL table, and what stands before it: foreign hosts, preflights, origins, settings, keys. */
import { authenticate } from './auth.ts'
import type { ConfigResult } from './config.ts'
import type { Database } from './db.ts'
import { isAllowedOrigin, json, preflight, withCors } from './http.ts'
import type { RequestLog } from './log.ts'
import { handleMcp } from './mcp/endpoint.ts'
import { LEGACY_VERSIONS, MODERN_VERSIONS, SERVER_INFO, VERSION } from './mcp/protocol.ts'
import { MAX_MESSAGE_BYTES } from './tools/budget.ts'

/** What index.ts prepares for a request. */
export interface RequestContext {
  settings: ConfigResult
  /** The database; opened only by a request that needs it. */
  openDatabase: () => Database
  log: RequestLog
}

/** Answers a request. */
export async function route(request: Request, context: RequestContext): Promise<Response> {
  const url = new URL(request.url)
  const { settings, log } = context
  log.add({ method: request.method, path: loggedPath(url.pathname) })

  // A name that someone else's DNS points here is how a web page reaches a relay on this machine.
  const hosts = settings.ok ? settings.config.hosts : undefined
  if (hosts && !hosts.has(url.hostname)) {
    return json({ error: 'misdirected_request', message: 'This relay has another host name.' }, 421)
  }

  // Beside /mcp, / is an MCP endpoint too, as it was in relay-mcp 0.1.0.
  const isEndpoint = url.pathname === '/mcp' || url.pathname === '/'
  const origin = isEndpoint ? request.headers.get('origin') : null
  const allowed = settings.ok ? settings.config.allowedOrigins : new Set<string>()
  const isForeign = origin !== null && !isAllowedOrigin(origin, url, allowed)

  const response = await answer(request, url, isForeign, context)
  return origin !== null && !isForeign ? withCors(response, origin) : response
}

async function answer(
  request: Request,
  { pathname }: URL,
  isForeign: boolean,
  context: RequestContext,
): Promise<Response> {
  const isGet = request.method === 'GET' || request.method === 'HEAD'
  if (request.method === 'OPTIONS') return preflight()
  if (isForeign) {
    return json(
      { error: 'forbidden', message: 'Pages of this origin may not call the relay.' },
      403,
    )
  }
  switch (pathname) {
    case '/mcp':
      return mcp(request, context)
    case '/':
      return isGet ? hello() : mcp(request, context)
    case '/health':
      return isGet ? health(context) : methodNotAllowed()
    case '/mcp/':
      return notFound('The MCP endpoint is /mcp, without a slash at its end.')
    default:
      return notFound('There is nothing here. The MCP endpoint is /mcp.')
  }
}

async function mcp(request: Request, context: RequestContext): Promise<Response> {
  const { settings, openDatabase, log } = context
  if (!settings.ok) {
    const message = settings.faults.map((fault) => fault.message).join(' ')
    log.add({ outcome: 'failed', error_code: 'configuration', reason: message })
    return json(
      { error: 'configuration', message: `This relay is not set up completely: ${message}` },
      500,
    )
  }
  const authentication = await authenticate(request, settings.config)
  if (!authentication.ok) {
    log.add({ outcome: 'refused', error_code: 'unauthorized' })
    return authentication.challenge
  }
  return handleMcp(request, {
    log,
    tools: {
      db: openDatabase(),
      userId: authentication.auth.userId,
      signal: request.signal,
      budget: { bytes: MAX_MESSAGE_BYTES },
      isBatch: false,
    },
  })
}

function hello(): Response {
  return json({
    service: SERVER_INFO.name,
    version: VERSION,
    endpoint: '/mcp',
    protocol_versions: [...MODERN_VERSIONS, ...LEGACY_VERSIONS],
    usage: 'POST JSON-RPC 2.0 messages to /mcp with "Authorization: Bearer <RELAY_API_KEY>".',
  })
}

/** Without the database: a monitor that asks every minute would keep a paused project's owner calm. */
function health({ settings }: RequestContext): Response {
  const body = { ok: settings.ok, service: SERVER_INFO.name, version: VERSION }
  if (settings.ok) return json(body)
  return json({ ...body, problems: settings.faults.map((fault) => fault.message) }, 503)
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
  return /^\/(mcp\/?|health|\.well-known\/[a-z/-]*)?$/.test(pathname) ? pathname : '(other)'
}
