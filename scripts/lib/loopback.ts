/** Whether a host name means this machine itself. */

/** Takes a host name as URLs have it (`[::1]`) or as sockets do (`::1`). */
export function isLoopback(hostname: string): boolean {
  return /^(localhost|\[?::1\]?|127(\.\d{1,3}){3})$/i.test(hostname)
}
