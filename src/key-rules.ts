/** The form of a key: the relay's own, a client's and Supabase's. Leaf: scripts import it too. */
import { decodeJwt, decodeProtectedHeader } from 'jose'

/**
 * Characters of the relay's key. It signs tokens, and anyone who has one can guess at a shorter key
 * offline.
 */
export const MIN_KEY_LENGTH = 32

/** `typ` of a key for one client, in its header. */
export const CLIENT_KEY_TYPE = 'key+jwt'

/** Whether a text has the form of a key for one client, as `npm run key` makes it. */
export function isClientKey(text: string): boolean {
  try {
    return decodeProtectedHeader(text).typ === CLIENT_KEY_TYPE
  } catch {
    return false
  }
}

/** Whether a Supabase key has the shape of a secret one: `sb_secret_…`, or a legacy service_role JWT. */
export function isServiceKey(key: string): boolean {
  return /^sb_secret_\S+$/.test(key) || legacyRole(key) === 'service_role'
}

/** Whether a Supabase key is the one for browsers, which may not reach the relay's tables. */
export function isPublishableKey(key: string): boolean {
  return key.startsWith('sb_publishable_') || legacyRole(key) === 'anon'
}

/** Reads the role in a legacy key, a JWT, without verifying it: Supabase does that. */
function legacyRole(key: string): unknown {
  try {
    return decodeJwt(key).role
  } catch {
    return undefined
  }
}

/** Longer than a key with anything around it. Cleaning takes time that grows with the square. */
const MAX_PASTED = 1_000

/**
 * Removes text that people paste around a key: `Bearer `, `RELAY_API_KEY=`, quotes, invisible characters
 * and white space.
 */
export function cleanKey(pasted: string): string {
  if (pasted.length > MAX_PASTED) return pasted
  return pasted
    .replaceAll(/[\p{C}\p{Default_Ignorable_Code_Point}\s]/gu, ' ')
    .replace(/^[\s"'`“”‘’]*(export )?\s*(RELAY_API_KEY\s*[=:])?[\s"'`“”‘’]*/i, '')
    .replace(/^(Authorization\s*:)?\s*(Bearer\s+)?[\s"'`“”‘’]*/i, '')
    .replace(/[\s"'`“”‘’,;]*$/, '')
}
