/**
 * The links that npm start prints, which work only once. The isolate remembers those it has taken: at
 * home there is only one. Codes are remembered by the database.
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
