/** Parameters of OAuth requests, in a query or a form. Leaf. */

/** One that is sent without a value counts as left out, RFC 6749 section 3.1. */
export function withoutEmpty(parameters: URLSearchParams): URLSearchParams {
  return new URLSearchParams([...parameters].filter(([, value]) => value !== ''))
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
