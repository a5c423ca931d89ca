/** What the set-up knows of relays in general. */

/** OAuth needs this many characters, since anyone can collect a signature and guess offline. */
export const MIN_SIGNING_KEY = 32

/** The origin in what a person gives as the relay's address. */
export function originOf(address: string): string | undefined {
  const url = URL.parse(address)
  return url && /^https?:$/.test(url.protocol) ? url.origin : undefined
}
