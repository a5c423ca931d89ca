/** Which host names are this machine's own, or those of the network around it. Leaf: scripts import it too. */

/** Whether a host name is this machine's. Takes the `hostname` of a URL, in which IPv6 has brackets. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname)
}

/** Whether a host name is one of a private network: RFC 1918, RFC 4193, link-local, or mDNS. */
export function isPrivateHost(hostname: string): boolean {
  return (
    /^(10|192\.168|169\.254|172\.(1[6-9]|2\d|3[01]))(\.\d+)+$/.test(hostname) ||
    /^\[f[cd][\da-f]{2}:|^\[fe[89ab][\da-f]:/.test(hostname) ||
    /\.(local|lan|home|internal|home\.arpa)$/.test(hostname) ||
    /^[a-z\d-]+$/i.test(hostname)
  )
}
