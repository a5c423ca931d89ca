/** Which relay a script talks to: that of RELAY_URL and RELAY_API_KEY, else that of `npm start`. */

import { readSettings } from './settings.ts'
import { UserError } from './user-error.ts'

export interface Target {
  url: URL
  key: string
  /** Whether it is the relay of `npm start`, by the settings that it has here. */
  isOwn: boolean
}

export function readTarget(): Target {
  const { RELAY_URL, RELAY_API_KEY } = process.env
  if (!RELAY_URL) {
    const { publicUrl, port, apiKey } = readSettings(process.cwd())
    // Behind a tunnel, what its clients reach.
    return { url: new URL(publicUrl ?? `http://127.0.0.1:${port}`), key: apiKey, isOwn: true }
  }
  if (!RELAY_API_KEY)
    throw new UserError('RELAY_API_KEY is missing: set it to the key of the relay.')
  const url = URL.parse(RELAY_URL)
  if (!/^https?:$/.test(url?.protocol ?? '')) {
    throw new UserError('RELAY_URL must be a URL, such as https://relay.example.com.')
  }
  return { url: url as URL, key: RELAY_API_KEY, isOwn: false }
}
