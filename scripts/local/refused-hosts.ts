/** Tells the operator which host names the relay refuses: RELAY_PUBLIC_URL may be missing or wrong. */
import { makePrintable } from './workerd/log-line.ts'

/** Anyone can make up names, and the terminal must not fill with them. */
const MAX_HOSTS = 20

/**
 * Takes the Worker's log lines; returns a sentence at the first request for each refused host. `publicUrl`
 * is the value of RELAY_PUBLIC_URL.
 */
export function followRefusedHosts(publicUrl?: string): (line: string) => string | undefined {
  const seen = new Set<string>()
  return (line) => {
    const host = readHost(line)
    if (host === undefined || seen.has(host) || seen.size === MAX_HOSTS) return undefined
    seen.add(host)
    return (
      `A request for the host ${makePrintable(host)} was refused (421). RELAY_PUBLIC_URL, which is ` +
      `${publicUrl ?? 'not set'}, decides under which address clients use the relay. Set it in .dev.vars or ` +
      'the environment, and restart npm start.'
    )
  }
}

function readHost(line: string): string | undefined {
  if (!line.includes('"refused_host"')) return undefined
  try {
    const { refused_host: host } = JSON.parse(line)
    return typeof host === 'string' && host !== '' ? host : undefined
  } catch {
    return undefined
  }
}
