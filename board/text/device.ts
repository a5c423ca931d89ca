/** Words about a device that could ring: its name, and why it cannot. */

interface Place {
  /** Whether the address is https, or this machine. */
  isSecure: boolean
  hasPush: boolean
  /** Whether the person has refused notifications. */
  isDenied: boolean
  /** Whether the board runs as an app of its own. */
  isInstalled: boolean
  agent: string
  touchPoints: number
}

/** Why a browser cannot ring, for the person; undefined if it can. */
export function describeObstacle(place: Place): string | undefined {
  const { isSecure, hasPush, isDenied, isInstalled, agent, touchPoints } = place
  if (!isSecure) {
    return 'Notifications need an https address. A browser does not allow them at an http address of your network.'
  }
  if (!hasPush && isApple(agent, touchPoints) && !isInstalled) {
    return 'Install the board first: in Safari, tap Share, then Add to Home Screen. Open it from there, sign in, and come back to this place.'
  }
  if (!hasPush) return 'This browser does not support push notifications.'
  if (isDenied) {
    return 'The browser blocks notifications of this site. Allow them in its settings for this site, then reload the page.'
  }
  return undefined
}

const BROWSERS = [
  [/\bEdgA?\//, 'Edge'],
  [/\bOPR\//, 'Opera'],
  [/\bSamsungBrowser\//, 'Samsung Internet'],
  [/\b(Firefox|FxiOS)\//, 'Firefox'],
  [/(Chrome|CriOS)\//, 'Chrome'],
  [/\bSafari\//, 'Safari'],
] as const

const SYSTEMS = [
  [/\bAndroid\b/, 'Android'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\bWindows\b/, 'Windows'],
  [/\bMacintosh\b/, 'Mac'],
  [/\bLinux\b/, 'Linux'],
] as const

/** The name of a device in the list of devices, such as “Chrome on Android”. */
export function nameDevice(agent: string, touchPoints: number): string {
  const find = (table: typeof BROWSERS | typeof SYSTEMS) =>
    table.find(([pattern]) => pattern.test(agent))?.[1]
  // An app on the home screen of an iPhone does not name Safari.
  const browser = find(BROWSERS) ?? (isApple(agent, touchPoints) ? 'Safari' : 'A browser')
  const system = isApple(agent, touchPoints)
    ? /iPhone/.test(agent)
      ? 'iPhone'
      : 'iPad'
    : find(SYSTEMS)
  return system ? `${browser} on ${system}` : browser
}

/** Whether it is an iPhone or iPad; the latter calls itself a Mac. */
function isApple(agent: string, touchPoints: number): boolean {
  return /iPhone|iPad/.test(agent) || (/Macintosh/.test(agent) && touchPoints > 1)
}
