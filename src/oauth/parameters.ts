/** Parameters of OAuth requests, in a query or a form: how many there may be, and how often each. */
import { OAuthError } from './errors.ts'

/** Bytes of a form or a query: the longest client id, and as much again several times. */
export const MAX_FORM_BYTES = 16_384

/** Eleven have a meaning here. Without a bound, 64 KB of parameters took half a second of CPU. */
const MAX_PARAMETERS = 50

/**
 * Parses a query or a form; undefined when it is too long or has too many parameters. One that is
 * sent without a value counts as left out, RFC 6749 section 3.1.
 */
export function parseParameters(text: string): URLSearchParams | undefined {
  if (text.length > MAX_FORM_BYTES || text.split('&').length > MAX_PARAMETERS) return undefined
  return new URLSearchParams([...new URLSearchParams(text)].filter(([, value]) => value !== ''))
}

/**
 * Requires that no parameter is there more than once, RFC 6749 section 3.1; only resource may be,
 * RFC 8707 section 2. Throws OAuthError.
 */
export function requireSingle(parameters: URLSearchParams): void {
  const seen = new Set<string>()
  for (const name of parameters.keys()) {
    if (seen.has(name)) throw new OAuthError('invalid_request', 'A parameter is repeated')
    if (name !== 'resource') seen.add(name)
  }
}
