/** Parameters of OAuth requests, in a query or a form. */
import { OAuthError } from './errors.ts'

/** One that is sent without a value counts as left out, RFC 6749 section 3.1. */
export function withoutEmpty(parameters: URLSearchParams): URLSearchParams {
  return new URLSearchParams([...parameters].filter(([, value]) => value !== ''))
}

/**
 * None may be there more than once, RFC 6749 section 3.1; resource alone may, RFC 8707 section 2.
 * Throws OAuthError.
 */
export function requireSingle(parameters: URLSearchParams): void {
  for (const name of new Set(parameters.keys())) {
    if (name !== 'resource' && parameters.getAll(name).length > 1) {
      throw new OAuthError('invalid_request', 'A parameter is there more than once')
    }
  }
}
