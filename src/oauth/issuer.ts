/** The authorization server's identity: its origin, its keys, and where it describes the resource. */
import type { Config } from '../config.ts'
import { isLoopback } from '../loopback.ts'
import type { SigningKeys } from './jwt.ts'

/** The meaning of a request's host to the authorization server. Made once, at the top of a request. */
export interface Site {
  /** The origin that tokens are issued by and for: the configured one, else as the client wrote it. */
  issuer: string
  keys: SigningKeys
  /** Whether the request came to the issuer's host, the only one that issues and takes tokens. */
  isIssuerHost: boolean
}

/** The site that a request came to. */
export function siteOf({ apiKey, previousApiKey, publicUrl }: Config, url: URL): Site {
  const issuer = publicUrl ?? `${isLoopback(url.hostname) ? url.protocol : 'https:'}//${url.host}`
  return {
    issuer,
    keys: { current: apiKey, previous: previousApiKey, issuer },
    isIssuerHost: publicUrl === undefined || isHostOf(publicUrl, url),
  }
}

/**
 * Whether a request came to the host of an origin. The scheme does not count, and the port may be missing:
 * a proxy that ends TLS changes the one, and some drop the other.
 */
function isHostOf(origin: string, { host }: URL): boolean {
  const own = new URL(origin)
  return host === own.host || host === own.hostname
}

/**
 * Where the protected resource at a path describes itself, RFC 9728 section 3.1. A slash at the end
 * stays, because clients compare the resource with the URL as the person typed it.
 */
export function metadataPath(resourcePath: string): string {
  return `/.well-known/oauth-protected-resource${resourcePath === '/' ? '' : resourcePath}`
}
