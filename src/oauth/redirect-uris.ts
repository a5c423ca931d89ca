/** Redirect URIs: which are safe to send codes to, and when two are the same. */
import { isLoopback } from '../loopback.ts'

/** Schemes that belong to no app: browsers and operating systems handle them themselves. */
const FOREIGN_SCHEMES = new Set(
  (
    'about admin android-app app blob cid content data dav dns facetime feed file filesystem ftp ftps geo git ' +
    'gopher http intent irc itms-services jar javascript ldap livescript mailto market microsoft-edge mid nfs resource ' +
    'rtsp search search-ms sftp shell sip sips smb sms ssh svn tel telnet urn vbscript ' +
    'view-source webcal ws wss x-javascript chrome chrome-extension moz-extension'
  ).split(' '),
)

/**
 * Whether a URI is safe to send codes to: https, http on loopback, or the private-use scheme of a
 * native client (RFC 8252 section 7.1). Absolute, and without a fragment (RFC 6749 section 3.1.2).
 */
export function isRedirectUri(value: string): boolean {
  // URL parsers differ in the characters that they drop or repair.
  if (!/^[a-z][a-z0-9+.-]*:[\x21-\x7e]+$/i.test(value) || /[#\\<>"`{}|^]/.test(value)) return false
  const url = URL.parse(value)
  if (!url || /^[^/?]*:\/\/[^/?]*@/.test(value)) return false
  switch (url.protocol) {
    case 'https:':
      return /^https:\/\/[^/?]/i.test(value)
    case 'http:':
      return /^http:\/\/[^/?]/i.test(value) && isLoopback(url.hostname)
    default: {
      const scheme = url.protocol.slice(0, -1)
      if (FOREIGN_SCHEMES.has(scheme) || scheme.startsWith('ms-')) return false
      // `cursor://…`, or with the reversed domain name that RFC 8252 requires, `com.example.app:/…`
      return /^[^/:]+:\/\/[^/]/.test(value) || (scheme.includes('.') && /^[^/:]+:\//.test(value))
    }
  }
}

/** Whether a URI leads to a program on the person's own machine. */
export function isLoopbackUri(value: string): boolean {
  const url = URL.parse(value)
  return url?.protocol === 'http:' && isLoopback(url.hostname)
}

/**
 * Whether a redirect URI is the registered one: to the letter, except for a loopback one. A native
 * client receives its port when it starts (RFC 8252 section 7.3), and some register one name of this
 * machine and use another, or leave out the slash of the root.
 */
export function isSameRedirectUri(registered: string, presented: string): boolean {
  if (!isRedirectUri(presented)) return false
  if (registered === presented) return true
  return isLoopbackUri(registered) && withoutHost(registered) === withoutHost(presented)
}

/** Scheme, loopback host, port and the slash of the root in one spelling. */
function withoutHost(value: string): string {
  return value
    .replace(/^http:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d*)?(?=[/?]|$)/i, 'http://localhost')
    .replace(/^(http:\/\/127[\d.]*):\d*/i, '$1')
    .replace(/^(http:\/\/[^/?]*)(?=\?|$)/i, '$1/')
}
