/** Decides which relay a command uses: that of RELAY_URL and RELAY_API_KEY, or that of `npm start`. */
import { readSettings, refuseClientKey } from '../lib/settings.ts'
import { UsageError, UserError } from '../lib/user-error.ts'
import { readRunning } from './data-directory-lock.ts'

export interface Target {
  url: URL
  key: string
  /** The relay of `npm start`, if it is that one. */
  home?: Home
}

export interface Home {
  dataDirectory: string
  isRunning: boolean
  /** The origin that its clients use, if that is another one than its own. */
  publicUrl?: string | undefined
}

export function readTarget(): Target {
  const { RELAY_URL, RELAY_API_KEY } = process.env
  if (!RELAY_URL) return readHome()
  refuseClientKey(RELAY_API_KEY)
  const url = URL.parse(RELAY_URL)
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new UsageError('RELAY_URL must be a URL, such as https://relay.example.com.')
  }
  if (RELAY_API_KEY) return { url, key: RELAY_API_KEY }
  const own = findHome()
  // The tunnel in front of it.
  if (own?.home?.publicUrl === url.origin) return { ...own, url }
  throw new UsageError('RELAY_API_KEY is missing: set it to the key of the relay.')
}

/** The relay of `npm start`, where it listens or would listen. */
function readHome(): Target {
  const settings = readSettings(process.cwd(), process.env, { mustExist: true })
  const { dataDirectory, port, apiKey } = settings
  const running = readRunning(dataDirectory)
  const publicUrl = running ? running.publicUrl : settings.publicUrl
  return {
    url: new URL(running?.url ?? `http://127.0.0.1:${port}`),
    key: apiKey,
    home: {
      dataDirectory,
      isRunning: running !== undefined,
      publicUrl: publicUrl && new URL(publicUrl).origin,
    },
  }
}

function findHome(): Target | undefined {
  try {
    return readHome()
  } catch (error) {
    if (error instanceof UserError) return undefined
    throw error
  }
}
