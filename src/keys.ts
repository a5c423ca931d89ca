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

/** The relay's own keys in the form that is compared, which every request needs: made once per isolate. */
const comparable = new Map<string, Uint8Array>()

const COMPARED_BYTES = 256
const ENCODER = new TextEncoder()

/** Compares the same number of bytes with all keys, so that the time it takes reveals nothing about one. */
async function isOneOf(token: string, keys: string[]): Promise<boolean> {
  const given = await toComparable(token)
  const known = await Promise.all(keys.map(keepComparable))
  return known.map((each) => crypto.subtle.timingSafeEqual(given, each)).includes(true)
}

async function keepComparable(key: string): Promise<Uint8Array> {
  const known = comparable.get(key) ?? (await toComparable(key))
  comparable.set(key, known)
  return known
}

/** Different for different texts: the length and the text, or of a long one 0 and its digest. */
async function toComparable(text: string): Promise<Uint8Array> {
  const bytes = new Uint8Array(COMPARED_BYTES)
  const { read, written } = ENCODER.encodeInto(text, bytes.subarray(1))
  if (read === text.length) bytes[0] = written
  else {
    bytes.fill(0)
    bytes.set(new Uint8Array(await crypto.subtle.digest('SHA-256', ENCODER.encode(text))), 1)
  }
  return bytes
}
