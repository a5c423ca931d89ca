/** Limits on guessing: the Workers rate-limiting bindings, and whose guesses are counted together. */

/** A rate-limiting binding of Workers. */
export interface RateLimiter {
  limit(options: { key: string }): Promise<{ success: boolean }>
}

/** Seconds of the period that wrangler.toml gives the bindings. */
export const LIMIT_PERIOD = 60

/** Counts one for the address of a request; false when there were too many. */
export async function countFor(
  { headers }: Request,
  limiter: RateLimiter | undefined,
): Promise<boolean> {
  if (!limiter) return true
  const key = addressOf(headers.get('cf-connecting-ip'))
  return (await limiter.limit({ key })).success
}

/** Everything but an address is counted as one: a header may hold anything, even 60 KB of it. */
const UNKNOWN = 'unknown'

/**
 * The part of an address that one person has: all of IPv4, also when it is written as IPv6, and of
 * IPv6 the /64, since everyone gets 2^64 of those.
 */
export function addressOf(ip: string | null): string {
  if (ip === null || ip.length > 45 || !/^[\da-f:.]+$/i.test(ip)) return UNKNOWN
  if (!ip.includes(':')) {
    const isIpv4 = /^(\d{1,3}\.){3}\d{1,3}$/.test(ip) && ip.split('.').every((n) => Number(n) < 256)
    return isIpv4 ? ip.split('.').map(Number).join('.') : UNKNOWN
  }
  // The parser refuses anything but an address, and writes each address in a single way.
  const canonical = URL.parse(`http://[${ip}]/`)?.hostname.slice(1, -1)
  if (canonical === undefined) return UNKNOWN
  const [head = [], tail] = canonical.split('::').map((half) => half.split(':').filter(Boolean))
  const zeros = tail ? Array<string>(8 - head.length - tail.length).fill('0') : []
  const groups = [...head, ...zeros, ...(tail ?? [])]
  if (!/^0:0:0:0:0:ffff:/.test(groups.join(':'))) return groups.slice(0, 4).join(':')
  const [high = 0, low = 0] = groups.slice(6).map((group) => Number.parseInt(group, 16))
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}
