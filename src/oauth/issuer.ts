/** The authorization server's identity: its origin, its keys, and where it describes the resource. */
import type { Config } from '../config.ts'
import { isSigningKey } from '../key-rules.ts'
import { isLoopback } from '../loopback.ts'
import type { SigningKeys } from './jwt.ts'

/** The origin that tokens are issued by and for: the configured one, else as the client wrote it. */
export function issuerOf({ publicUrl }: Config, url: URL): string {
  return publicUrl ?? `${isLoopback(url.hostname) ? url.protocol : 'https:'}//${url.host}`
}

/**
 * Whether a request came to the issuer's host, the only one that issues and takes tokens. Its scheme does
 * not count, and its port may be missing: a proxy that ends TLS changes the one, and some drop the other.
 */
export function isIssuerHost(issuer: string | undefined, { host }: URL): boolean {
  if (issuer === undefined) return true
  const own = new URL(issuer)
  return host === own.host || host === own.hostname
}

/** What signs and verifies tokens; undefined when the key is too short, which turns OAuth off. */
export function signingKeys(config: Config, url: URL): SigningKeys | undefined {
  const { apiKey, previousApiKey } = config
  if (!isSigningKey(apiKey)) return undefined
  return {
    current: apiKey,
    previous: isSigningKey(previousApiKey) ? previousApiKey : undefined,
    issuer: issuerOf(config, url),
  }
}

/**
 * Where the protected resource at a path describes itself, RFC 9728 section 3.1. A slash at the end
 * stays, because clients compare the resource with the URL as the person typed it.
 */
export function metadataPath(resourcePath: string): string {
  return `/.well-known/oauth-protected-resource${resourcePath === '/' ? '' : resourcePath}`
}
