/**
 * The static files: the board under `/board`, the page at `/`, and the page for a missing one. They
 * are read from the ASSETS binding, and sent with the headers under which nothing that a message says can
 * run, load or leave.
 */
import { accepts, json } from './http.ts'
import { BOARD_CLIENT_PATH, boardClient } from './oauth/board-client.ts'
import type { Site } from './oauth/issuer.ts'

/** Cloudflare's binding to static assets; locally workerd serves the same files from the disk. */
export interface Assets {
  fetch(url: string): Promise<Response>
}

const TYPES: Record<string, string> = {
  css: 'text/css; charset=utf-8',
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  png: 'image/png',
  svg: 'image/svg+xml',
  webmanifest: 'application/manifest+json',
}

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "manifest-src 'self'",
  "worker-src 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  'trusted-types relay-board',
].join('; ')

/** Whether a path is the board's. */
export function isBoardPath(pathname: string): boolean {
  return pathname === '/board' || pathname.startsWith('/board/')
}

/** Answers a GET below `/board`. The board works only at the issuer's host: any other is redirected there. */
export async function serveBoard(
  request: Request,
  url: URL,
  { issuer, isIssuerHost }: Pick<Site, 'issuer' | 'isIssuerHost'>,
  assets: Assets | undefined,
): Promise<Response> {
  const { pathname } = url
  if (pathname === BOARD_CLIENT_PATH) {
    const document = { ...boardClient(issuer), token_endpoint_auth_method: 'none' }
    return json(document, 200, { 'access-control-allow-origin': '*' })
  }
  if (pathname === '/board' || (pathname === '/board/' && !isIssuerHost)) {
    const location = `${issuer}/board/${url.search}`
    return new Response(null, { status: 302, headers: { location, 'cache-control': 'no-store' } })
  }
  const [, name = ''] = /^\/board\/([\w-]+(?:\.[\w-]+)*)?$/.exec(pathname) ?? [undefined, undefined]
  const file = pathname === '/board/' ? 'index.html' : name
  return (await serveFile(`board/${file}`, url, assets)) ?? refusePath(request, url, assets)
}

/** Answers with one of the static files, named by its path; undefined if there is no such file. */
export async function serveFile(
  path: string,
  { origin }: URL,
  assets: Assets | undefined,
  status = 200,
): Promise<Response | undefined> {
  const type = TYPES[path.split('.').at(-1) ?? '']
  if (!type || !assets) return undefined
  const found = await assets.fetch(`${origin}/${path}`)
  if (!found.ok) {
    await found.body?.cancel()
    return undefined
  }
  // Names of scripts and styles contain a digest of their content; the others change in place.
  const isLasting = /-[0-9A-Z]{8}\.\w+$/.test(path)
  return new Response(found.body, {
    status,
    headers: {
      'content-type': type,
      'cache-control': isLasting ? 'public, max-age=31536000, immutable' : 'no-cache',
      'content-security-policy': POLICY,
      'cross-origin-opener-policy': 'same-origin',
      'referrer-policy': 'same-origin',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      // A page that asks for a key and turns up in a search looks like phishing.
      'x-robots-tag': 'noindex',
    },
  })
}

/** Answers where there is nothing: with a page for a browser, with JSON for everything else. */
export async function refusePath(
  request: Request,
  url: URL,
  assets: Assets | undefined,
): Promise<Response> {
  const isVisit = request.method === 'GET' && accepts(request, 'text/html')
  const page = isVisit ? await serveFile('pages/404.html', url, assets, 404) : undefined
  const message = 'There is nothing here. The MCP endpoint is /mcp.'
  return page ?? json({ error: 'not_found', message }, 404)
}
