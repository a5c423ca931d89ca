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

/** A name for one line of a page: without control and formatting characters, 100 at most. */
export function printable(name: string): string {
  const characters = [
    ...name
      .toWellFormed()
      .replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, '')
      .trim(),
  ]
  return characters.slice(0, 100).join('')
}
