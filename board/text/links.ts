/** Which addresses in a message are links, and where they lead. */

const PROTOCOLS = new Set(['http:', 'https:', 'mailto:'])

/** The address if a message may link to it, and the place to show to the person. */
export function readLink(href: string): { href: string; host: string } | undefined {
  let url: URL
  try {
    url = new URL(href)
  } catch {
    return undefined
  }
  if (!PROTOCOLS.has(url.protocol)) return undefined
  const host = url.protocol === 'mailto:' ? decodeURIComponentSafe(url.pathname) : url.host
  return { href: url.href, host }
}

/** Whether a text already says where its link leads. */
export function saysWhere(text: string, { href, host }: { href: string; host: string }): boolean {
  // In https://bank.example@evil.example the address itself misleads.
  if (/^https?:\/\/[^/?#]*@/.test(href)) return false
  const plain = (value: string) => value.replace(/^(https?:\/\/|mailto:)/, '').replace(/\/$/, '')
  return plain(text) === plain(href) || text === host
}

function decodeURIComponentSafe(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
