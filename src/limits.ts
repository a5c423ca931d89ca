/** Limits on guessing: the Workers rate-limiting bindings, and whose guesses are counted together. */

/** A rate-limiting binding of Workers. */
export interface RateLimiter {
  limit(options: { key: string }): Promise<{ success: boolean }>
}

/** Seconds of the period that wrangler.toml gives the bindings. */
export const LIMIT_PERIOD = 60

/** Counts one for the address of a request; false when there were too many. */
export async function countFor(
  request: Request,
  limiter: RateLimiter | undefined,
): Promise<boolean> {
  if (!limiter) return true
  return (await limiter.limit({ key: addressOf(request.headers.get('cf-connecting-ip')) })).success
}

/**
 * The part of an address that one person has: all of IPv4, and of IPv6 the /64, since everybody gets
 * 2^64 of those. Requests without an address are counted as one.
 */
export function addressOf(ip: string | null): string {
  if (!ip?.includes(':')) return ip ?? 'unknown'
  const [head = '', tail] = ip.split('::')
  const groups = head.split(':').filter(Boolean)
  const rest = tail === undefined ? [] : tail.split(':').filter(Boolean)
  const zeros = tail === undefined ? 0 : Math.max(8 - groups.length - rest.length, 0)
  const all = [...groups, ...Array<string>(zeros).fill('0'), ...rest]
  return all
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')
}
