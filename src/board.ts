/**
 * The board's static files under `/board`: read from the ASSETS binding, and sent with the headers
 * under which nothing that a message says can run, load or leave.
 */
import { json } from './http.ts'
import { BOARD_CLIENT_PATH, boardClient } from './oauth/board-client.ts'
import { isIssuerHost } from './oauth/issuer.ts'
import { messagePage } from './pages/page.ts'

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
  "base-uri 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join('; ')

/** Whether a path is the board's. */
export function isBoardPath(pathname: string): boolean {
  return pathname === '/board' || pathname.startsWith('/board/')
}

/**
 * Answers a GET below `/board`. Takes the origin that signs tokens: the board works only there, so
 * any other is redirected to it.
 */
export async function serveBoard(
  url: URL,
  issuer: string,
  assets: Assets | undefined,
): Promise<Response> {
  const { pathname, origin } = url
  if (pathname === BOARD_CLIENT_PATH) {
    const document = { ...boardClient(issuer), token_endpoint_auth_method: 'none' }
    return json(document, 200, { 'access-control-allow-origin': '*' })
  }
  if (pathname === '/board' || (pathname === '/board/' && !isIssuerHost(issuer, url))) {
    const location = `${issuer}/board/${url.search}`
    return new Response(null, { status: 302, headers: { location, 'cache-control': 'no-store' } })
  }
  const [, name = ''] = /^\/board\/([\w-]+(?:\.[\w-]+)*)?$/.exec(pathname) ?? [undefined, undefined]
  const file = pathname === '/board/' ? 'index.html' : name
  const type = TYPES[file.split('.').at(-1) ?? '']
  const found = type && assets ? await assets.fetch(`${origin}/board/${file}`) : undefined
  if (!type || !found?.ok) {
    await found?.body?.cancel()
    return messagePage(
      'Not found',
      assets ? 'The board has no such file.' : 'This deployment was made without the board.',
      404,
    )
  }
  // Names of scripts and styles contain a digest of their content; the others change in place.
  const isLasting = /-[0-9A-Z]{8}\.\w+$/.test(file)
  return new Response(found.body, {
    headers: {
      'content-type': type,
      'cache-control': isLasting ? 'public, max-age=31536000, immutable' : 'no-cache',
      'content-security-policy': POLICY,
      'cross-origin-opener-policy': 'same-origin',
      'referrer-policy': 'same-origin',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'x-robots-tag': 'noindex',
    },
  })
}
