/** Which addresses in a message are links, and where they lead. */

const PROTOCOLS = new Set(['http:', 'https:', 'mailto:'])

/** The address if a message may link to it, and the place to show to the person. */
export function readLink(href: string): { href: string; host: string } | undefined {
  const url = URL.parse(href)
  if (!url || !PROTOCOLS.has(url.protocol)) return undefined
  const host = url.protocol === 'mailto:' ? decodeURIComponentSafe(url.pathname) : url.host
  return { href: url.href, host }
}

/** Whether a text already says where its link leads. */
export function saysWhere(text: string, { href, host }: { href: string; host: string }): boolean {
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
