/**
 * Rotating the key of `npm start`: the new key goes where the old one was, and a relay that runs takes
 * it over at once.
 */
import { changeKept, keptPath, makeKey, type Values } from '../lib/data-directory.ts'
import { PROJECT } from '../lib/project.ts'
import { changeDevVars, readSettings, type Settings } from '../lib/settings.ts'
import { UserError } from '../lib/user-error.ts'
import { waitForVerdict } from '../lib/verdict.ts'
import { readRunning } from './data-directory-lock.ts'

/** The settings of `npm start`, and what a rotation needs to know of them. */
export interface HomeKeys {
  settings: Settings
  /** Whether an earlier key is still accepted. */
  isUnderWay: boolean
  /** Where the key is kept, for a person. */
  place: string
}

/** Reads where the key of `npm start` is kept; refuses where it can't be changed from here. */
export function readHomeKeys(): HomeKeys {
  const settings = readSettings(PROJECT)
  const { keySource, dataDirectory, previousApiKey } = settings
  if (keySource === 'environment') {
    throw new UserError(
      'RELAY_API_KEY is set in the environment, so the key of npm start must be changed there: set ' +
        'RELAY_API_KEY to a new key and RELAY_API_KEY_PREVIOUS to the old one, and start it again.',
    )
  }
  const place = keySource === '.dev.vars' ? '.dev.vars' : keptPath(dataDirectory)
  return { settings, isUnderWay: previousApiKey !== undefined, place }
}

/** Writes a new key, and waits until a running relay treats both as it should; gives the new key. */
export async function rotateHome(
  { settings }: HomeKeys,
  kind: 'planned' | 'leaked',
): Promise<string> {
  const { apiKey: old, dataDirectory } = settings
  const key = makeKey()
  change(settings, {
    RELAY_API_KEY: key,
    RELAY_API_KEY_PREVIOUS: kind === 'planned' ? old : undefined,
  })
  const running = readRunning(dataDirectory)
  if (running) {
    await waitForVerdict(running.url, key, 'accepted')
    await waitForVerdict(running.url, old, kind === 'planned' ? 'accepted' : 'refused')
  }
  return key
}

/** Ends the overlap. */
export async function finishHome({ settings, isUnderWay }: HomeKeys): Promise<void> {
  const { previousApiKey: old, dataDirectory } = settings
  if (!isUnderWay || !old) {
    throw new UserError('No rotation is under way: there is no RELAY_API_KEY_PREVIOUS.')
  }
  change(settings, { RELAY_API_KEY_PREVIOUS: undefined })
  const running = readRunning(dataDirectory)
  if (running) await waitForVerdict(running.url, old, 'refused')
}

function change({ keySource, dataDirectory }: Settings, values: Values): void {
  if (keySource === '.dev.vars') changeDevVars(PROJECT, values)
  else changeKept(dataDirectory, values)
}
