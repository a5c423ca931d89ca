/** Comparing the key of the relay with what somebody sent. Leaf. */

interface ApiKeys {
  apiKey: string
  previousApiKey: string | undefined
}

/** Whether a token is the key, or the one before it while a rotation lasts. */
export async function isApiKey(
  token: string,
  { apiKey, previousApiKey }: ApiKeys,
): Promise<boolean> {
  // Both are compared, whichever it is: the time it takes does not tell.
  const matches = await Promise.all(
    [apiKey, previousApiKey ?? apiKey].map((key) => isSame(token, key)),
  )
  return matches.includes(true)
}

/** Compares digests, so that the time it takes tells nothing of where, or how long, the texts differ. */
async function isSame(a: string, b: string): Promise<boolean> {
  const [left, right] = await Promise.all([a, b].map(digest))
  return crypto.subtle.timingSafeEqual(left as ArrayBuffer, right as ArrayBuffer)
}

function digest(text: string): Promise<ArrayBuffer> {
  return crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
}
