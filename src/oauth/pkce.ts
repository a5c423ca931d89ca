/** Proof Key for Code Exchange, RFC 7636, with S256 alone. Leaf. */

/** A SHA-256 digest in base64url. */
export function isCodeChallenge(value: string): boolean {
  return /^[\w-]{43}$/.test(value)
}

/** Whether a verifier is the one that a challenge was made of. RFC 7636 sections 4.1 and 4.6. */
export async function provesChallenge(verifier: string, challenge: string): Promise<boolean> {
  if (!/^[\w.~-]{43,128}$/.test(verifier)) return false
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier))
  const encoded = btoa(String.fromCharCode(...new Uint8Array(digest)))
  return encoded.replaceAll('+', '-').replaceAll('/', '_').replace('=', '') === challenge
}
