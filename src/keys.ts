/** Compares the key of the relay with the text that was sent in its place. */

interface ApiKeys {
  apiKey: string
  previousApiKey: string | undefined
}

/** Whether a text is the relay's key, or the one before it while a rotation lasts. */
export async function isKey(text: string, { apiKey, previousApiKey }: ApiKeys): Promise<boolean> {
  const given = await digest(text)
  const known = await Promise.all([apiKey, previousApiKey ?? apiKey].map(digestOfKey))
  // Digests, and always all of them, so that the time it takes reveals nothing about a key.
  return known.map((each) => crypto.subtle.timingSafeEqual(given, each)).includes(true)
}

/** Digests of the relay's own keys, which every request is compared with: made once per isolate. */
const digests = new Map<string, ArrayBuffer>()

async function digestOfKey(key: string): Promise<ArrayBuffer> {
  const known = digests.get(key) ?? (await digest(key))
  digests.set(key, known)
  return known
}

function digest(text: string): Promise<ArrayBuffer> {
  return crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
}
