/**
 * Rotates the key of `npm start`. The new key replaces the old one where that is stored, and a running
 * relay picks it up at once. A rotation that was interrupted resumes with the same new key.
 */
import { changeKept, keptPath, makeKey, readKept, type Values } from '../lib/data-directory.ts'
import { PROJECT } from '../lib/project.ts'
import { changeDevVars, readSettings, type Settings } from '../lib/settings.ts'
import { UserError } from '../lib/user-error.ts'
import { waitForVerdict } from '../lib/verdict.ts'
import { readRunning } from './data-directory-lock.ts'

/** The settings of `npm start` that a rotation needs. */
export interface HomeKeys {
  settings: Settings
  /** Whether an earlier key is still accepted. */
  isInProgress: boolean
  /** A rotation whose new key has not been shown. */
  interrupted?: Rotation | undefined
  /** Where the key is stored, for a person. */
  place: string
}

interface Rotation {
  kind: 'planned' | 'leaked'
  old: string
  key: string
}

/** Reads where the key of `npm start` is stored. Throws if it cannot be changed from here. */
export function readHomeKeys(): HomeKeys {
  const settings = readSettings(PROJECT, process.env, { mustExist: true })
  const { keySource, dataDirectory, previousApiKey } = settings
  if (keySource === 'environment') {
    throw new UserError(
      'RELAY_API_KEY is set in the environment, so the key of npm start must be changed there. Set ' +
        'RELAY_API_KEY to a new key and RELAY_API_KEY_PREVIOUS to the old one, then restart npm start.',
    )
  }
  const place = keySource === '.dev.vars' ? '.dev.vars' : keptPath(dataDirectory)
  const interrupted = findInterrupted(settings)
  return { settings, isInProgress: previousApiKey !== undefined, interrupted, place }
}

/** Ignores a rotation whose keys are no longer the ones in use, since a person has changed them. */
function findInterrupted({ apiKey, dataDirectory }: Settings): Rotation | undefined {
  const { ROTATION_KIND: kind, ROTATION_OLD: old, ROTATION_NEW: key } = readKept(dataDirectory)
  if (!kind || !old || !key || (apiKey !== old && apiKey !== key)) return undefined
  return { kind: kind as Rotation['kind'], old, key }
}

/** Writes a new key, waits until a running relay uses it, and returns it. */
export async function rotateHome(
  { settings, interrupted }: HomeKeys,
  kind: 'planned' | 'leaked',
): Promise<string> {
  const { dataDirectory } = settings
  const { old, key } = interrupted ?? { old: settings.apiKey, key: makeKey() }
  // Saved first: after an interruption, another new key would end the old one, which every client has.
  changeKept(dataDirectory, { ROTATION_KIND: kind, ROTATION_OLD: old, ROTATION_NEW: key })
  change(settings, {
    RELAY_API_KEY: key,
    RELAY_API_KEY_PREVIOUS: kind === 'planned' ? old : undefined,
  })
  const running = readRunning(dataDirectory)
  if (running) {
    await waitForVerdict(running.url, key, 'accepted')
    await waitForVerdict(running.url, old, kind === 'planned' ? 'accepted' : 'refused')
  }
  changeKept(dataDirectory, {
    ROTATION_KIND: undefined,
    ROTATION_OLD: undefined,
    ROTATION_NEW: undefined,
  })
  return key
}

/** Removes the old key. */
export async function finishHome({ settings, isInProgress }: HomeKeys): Promise<void> {
  const { previousApiKey: old, dataDirectory } = settings
  if (!isInProgress || !old) {
    throw new UserError('No rotation is in progress: there is no RELAY_API_KEY_PREVIOUS.')
  }
  change(settings, { RELAY_API_KEY_PREVIOUS: undefined })
  const running = readRunning(dataDirectory)
  if (running) await waitForVerdict(running.url, old, 'refused')
}

/** The origin under which clients reach it. */
export function findHomeAddress({
  settings: { dataDirectory, publicUrl, port },
}: HomeKeys): string {
  const running = readRunning(dataDirectory)
  const url = running ? (running.publicUrl ?? running.url) : publicUrl
  return new URL(url ?? `http://127.0.0.1:${port}`).origin
}

function change({ keySource, dataDirectory }: Settings, values: Values): void {
  if (keySource === '.dev.vars') changeDevVars(PROJECT, values)
  else changeKept(dataDirectory, values)
}
