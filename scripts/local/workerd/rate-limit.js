/**
 * Replaces Cloudflare's rate-limiting binding inside workerd: counts requests per key and period.
 * Cloudflare sets `CF-Connecting-IP` itself, but at home any caller can, so it is trusted only if the
 * person says that a tunnel sets it. The table is bounded and stores only addresses and connections.
 * Otherwise a caller could fill the memory with keys of 60 KB.
 */

/** More addresses than a home relay sees in one period; about 1 MB. */
const MAX_WINDOWS = 10_000

/** Shared by all callers without a known address. */
const UNKNOWN = 'unknown'

/**
 * @param {{ simple: { limit: number, period: number }, trusted: boolean, now?: () => number }} settings
 *   The limit per period in seconds, and whether keys are addresses that Cloudflare has set.
 */
export default function bind({ simple: { limit, period }, trusted, now = Date.now }) {
  /** Oldest first: all windows are equally long, so they also end in this order. */
  const windows = new Map()

  return {
    /** @param {{ key: string }} request */
    async limit({ key }) {
      const time = now()
      for (const [each, { end }] of windows) {
        if (end > time && windows.size < MAX_WINDOWS) break
        windows.delete(each)
      }
      const counted = isConnection(key) || (trusted && isAddress(key)) ? key : UNKNOWN
      const window = windows.get(counted) ?? { end: time + period * 1000, count: 0 }
      windows.set(counted, window)
      window.count += 1
      return { success: window.count <= limit }
    },
    /** The number of windows in the table. */
    get size() {
      return windows.size
    },
  }
}

/** Accepts a connection, which the Worker has authenticated. No header can name one. */
function isConnection(/** @type {string} */ key) {
  return /^gid:[\w:-]{1,80}$/.test(key)
}

/** Accepts IPv4, IPv6, and the first four groups of IPv6, which the Worker counts as one address. */
function isAddress(/** @type {string} */ key) {
  if (key.length > 45) return false
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(key)) return key.split('.').every((part) => Number(part) < 256)
  if (/^[0-9a-f]{1,4}(:[0-9a-f]{1,4}){3}(\/64)?$/i.test(key)) return true
  return key.includes(':') && URL.canParse(`http://[${key}]/`)
}
