/** Reads the address of a relay as a person enters it. */

/** Returns the origin of an address; undefined if it is not an http or https URL. */
export function parseOrigin(address: string): string | undefined {
  const url = URL.parse(address)
  return url && /^https?:$/.test(url.protocol) ? url.origin : undefined
}
