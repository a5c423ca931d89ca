/**
 * Tokens that work only once: authorization codes, and the links that npm start prints. Each isolate
 * remembers those it has taken, so this is best effort where there are several, and exact at home.
 */

/** Token ids that this isolate has taken and that have not expired, with the time at which they do. */
const redeemed = new Map<string, number>()

/** Takes a token id that is valid for `lifetime` seconds at most; false if it was taken before. */
export function redeem(jti: string, lifetime: number, now: number): boolean {
  for (const [id, expiry] of redeemed) if (expiry < now) redeemed.delete(id)
  if (redeemed.has(jti)) return false
  redeemed.set(jti, now + lifetime * 1000)
  return true
}
