/** What a person gives as the address of a relay. */

/** The origin in what a person gives as the relay's address. */
export function originOf(address: string): string | undefined {
  const url = URL.parse(address)
  return url && /^https?:$/.test(url.protocol) ? url.origin : undefined
}
