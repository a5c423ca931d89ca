/** The names of the protected resource, and the `resource` parameter that names one, RFC 8707. */
import { OAuthError } from './errors.ts'

/** The two names of the one resource: its endpoint, and the bare origin. A token is good at both. */
export function resources(issuer: string): [endpoint: string, origin: string] {
  return [`${issuer}/mcp`, issuer]
}

/** Every resource that a request names must be ours; it may name none. Throws OAuthError. */
export function requireResource(parameters: URLSearchParams, issuer: string): void {
  const own = resources(issuer)
  if (!parameters.getAll('resource').every((value) => own.includes(normalized(value)))) {
    throw new OAuthError('invalid_target', `resource must be ${own.join(' or ')}`)
  }
}

/** Scheme and host in any case, and with or without a slash at the end. */
function normalized(resource: string): string {
  const url = URL.parse(resource)
  if (!url || url.search || url.hash || url.username || url.password) return ''
  return (url.origin + url.pathname).replace(/\/$/, '')
}
