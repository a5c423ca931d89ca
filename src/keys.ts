/** Compares the key of the relay with the text that was sent in its place. */

import { cleanKey } from './key-rules.ts'

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

/**
 * Judges a key that a person pasted: as it was pasted, and without the text around it. `countGuess` counts a
 * wrong one; false when there were too many from the person's address.
 */
export async function judgeKey(
  pasted: string,
  keys: ApiKeys,
  countGuess: () => Promise<boolean>,
): Promise<'right' | 'wrong' | 'limited'> {
  for (const key of [pasted.trim(), cleanKey(pasted)]) if (await isKey(key, keys)) return 'right'
  return (await countGuess()) ? 'wrong' : 'limited'
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
