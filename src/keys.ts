/** Comparing the key of the relay with what somebody sent. Leaf. */

interface ApiKeys {
  apiKey: string
  previousApiKey: string | undefined
}

/** Digests of the relay's own keys, which every request is compared with: made once per isolate. */
const digests = new Map<string, ArrayBuffer>()

/**
 * Whether a token is the key, or the one before it while a rotation lasts. Compares digests, so that
 * the time it takes tells nothing of where, or how long, the texts differ.
 */
export async function isApiKey(
  token: string,
  { apiKey, previousApiKey }: ApiKeys,
): Promise<boolean> {
  const given = await digest(token)
  const keys = previousApiKey === undefined ? [apiKey] : [apiKey, previousApiKey]
  const known = await Promise.all(keys.map(digestOfKey))
  // All are compared, whichever it is: the time does not tell that either.
  return known.map((each) => crypto.subtle.timingSafeEqual(given, each)).includes(true)
}

async function digestOfKey(key: string): Promise<ArrayBuffer> {
  const known = digests.get(key) ?? (await digest(key))
  digests.set(key, known)
  return known
}

function digest(text: string): Promise<ArrayBuffer> {
  return crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
}
