/** Decides which relay a command uses: that of RELAY_URL and RELAY_API_KEY, or that of `npm start`. */
import { readSettings, type Settings } from '../lib/settings.ts'
import { UsageError } from '../lib/user-error.ts'
import { readRunning } from './data-directory-lock.ts'

export interface Target {
  url: URL
  key: string
  /** Whether it is the relay of `npm start`, found through its settings. */
  isOwn: boolean
}

export function readTarget(): Target {
  const { RELAY_URL, RELAY_API_KEY } = process.env
  if (!RELAY_URL) {
    const settings = readSettings(process.cwd())
    return { url: new URL(findOrigin(settings)), key: settings.apiKey, isOwn: true }
  }
  if (!RELAY_API_KEY)
    throw new UsageError('RELAY_API_KEY is missing: set it to the key of the relay.')
  const url = URL.parse(RELAY_URL)
  if (!/^https?:$/.test(url?.protocol ?? '')) {
    throw new UsageError('RELAY_URL must be a URL, such as https://relay.example.com.')
  }
  return { url: url as URL, key: RELAY_API_KEY, isOwn: false }
}

/** Returns the public address if there is one, otherwise where the relay listens or would listen. */
function findOrigin({ publicUrl, port, dataDirectory }: Settings): string {
  if (publicUrl) return publicUrl
  return readRunning(dataDirectory)?.url ?? `http://127.0.0.1:${port}`
}
