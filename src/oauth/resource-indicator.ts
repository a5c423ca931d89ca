/** The names of the protected resource, and the `resource` parameter that names one, RFC 8707. */
import { OAuthError } from './errors.ts'

/** The two names of the one resource: its endpoint and the bare origin. A token is valid at both. */
export function resources(issuer: string): [endpoint: string, origin: string] {
  return [`${issuer}/mcp`, issuer]
}

/** Requires that every resource a request names is this relay's; it may name none. Throws OAuthError. */
export function requireResource(parameters: URLSearchParams, issuer: string): void {
  const own = resources(issuer)
  if (!parameters.getAll('resource').every((value) => own.includes(normalize(value)))) {
    throw new OAuthError('invalid_target', `resource must be ${own.join(' or ')}`)
  }
}

/** Spells a resource in one way: scheme and host in lower case, without a slash at the end. */
function normalize(resource: string): string {
  const url = URL.parse(resource)
  if (!url || url.search || url.hash || url.username || url.password) return ''
  return (url.origin + url.pathname).replace(/\/$/, '')
}
