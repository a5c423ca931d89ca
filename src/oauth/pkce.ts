/** Proof Key for Code Exchange, RFC 7636, with S256 only. */
import { hash } from './jwt.ts'

/** Whether a value has the form of a SHA-256 digest in base64url. */
export function isCodeChallenge(value: string): boolean {
  return /^[\w-]{43}$/.test(value)
}

/** Whether a challenge was made from a verifier. RFC 7636 sections 4.1 and 4.6. */
export async function provesChallenge(verifier: string, challenge: string): Promise<boolean> {
  return /^[\w.~-]{43,128}$/.test(verifier) && (await hash(verifier)) === challenge
}
