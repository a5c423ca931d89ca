/** Comparing the key of the relay with what somebody sent. */
import { isSigningKey } from './key-rules.ts'
import type { Guesses } from './limits.ts'

interface ApiKeys {
  apiKey: string
  previousApiKey: string | undefined
}

/** `limited`: too many guesses came from there, and this one was not looked at. */
export type Verdict = 'right' | 'wrong' | 'limited'

/**
 * Whether a token is a key of at least 32 characters: the current one, or the one before it while a
 * rotation lasts. Those cannot be guessed, so the right one passes however many wrong ones were sent.
 */
export function isLongKey(token: string, { apiKey, previousApiKey }: ApiKeys): Promise<boolean> {
  return isOneOf(token, [apiKey, previousApiKey].filter(isSigningKey))
}

/**
 * Judges a token that is not a long key, and counts it as a guess. A short key is compared only while
 * the limit on guessing allows it, and counted before it is compared, or guesses sent at the same
 * time would all be compared before the first was counted.
 */
export async function judgeGuess(
  token: string,
  { apiKey, previousApiKey }: ApiKeys,
  guesses: Guesses,
): Promise<Verdict> {
  const short = [apiKey, previousApiKey].filter((key) => key !== undefined && !isSigningKey(key))
  const isAdmitted = short.length > 0 ? spendCredit(guesses.address) : false
  if (!isAdmitted && !(await guesses.count())) return 'limited'
  if (!(await isOneOf(token, short as string[]))) return 'wrong'
  addCredit(guesses.address)
  return 'right'
}

/**
 * Addresses that have sent the right short key, and how many of their next tokens are compared
 * without being counted. Each is worth one comparison, and a right key earns it back, so the owner is
 * not held up by the limit while a guesser from the same address gains next to nothing.
 */
const credits = new Map<string, number>()
const MAX_CREDIT = 10
const MAX_ADDRESSES = 1_000

function spendCredit(address: string): boolean {
  const credit = credits.get(address) ?? 0
  if (credit > 0) credits.set(address, credit - 1)
  return credit > 0
}

function addCredit(address: string): void {
  const credit = Math.min((credits.get(address) ?? 0) + 1, MAX_CREDIT)
  credits.delete(address)
  if (credits.size >= MAX_ADDRESSES) credits.delete(credits.keys().next().value as string)
  credits.set(address, credit)
}

/** Digests of the relay's own keys, which every request is compared with: made once per isolate. */
const digests = new Map<string, ArrayBuffer>()

/** Compares digests, and always all of them, so that the time it takes reveals nothing about a key. */
async function isOneOf(token: string, keys: string[]): Promise<boolean> {
  const given = await digest(token)
  const known = await Promise.all(keys.map(digestOfKey))
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
