/** The keys of `npm start`, where they are stored. A running relay picks up a change at once. */
import { changeKept, keptPath, readKept } from '../lib/data-directory.ts'
import type { KeyStore, Rotation } from '../lib/key-store.ts'
import { PROJECT } from '../lib/project.ts'
import { changeDevVars, readSettings, type Settings } from '../lib/settings.ts'
import { UserError } from '../lib/user-error.ts'
import { readRunning } from './data-directory-lock.ts'

/** Finds the keys of `npm start`. Throws if they cannot be changed from here. */
export function readHomeKeys(): KeyStore {
  const settings = readSettings(PROJECT, process.env, { mustExist: true })
  const { keySource, dataDirectory, apiKey, previousApiKey, publicUrl, port } = settings
  if (keySource === 'environment') {
    throw new UserError(
      'RELAY_API_KEY is set in the environment, so the key of npm start must be changed there. Set ' +
        'RELAY_API_KEY to a new key and RELAY_API_KEY_PREVIOUS to the old one, then restart npm start.',
    )
  }
  const isInFile = keySource === '.dev.vars'
  const running = readRunning(dataDirectory)
  const url = running ? (running.publicUrl ?? running.url) : publicUrl
  return {
    place: isInFile ? '.dev.vars' : keptPath(dataDirectory),
    url: new URL(url ?? `http://127.0.0.1:${port}`).origin,
    running: running?.url,
    isInProgress: previousApiKey !== undefined,
    previous: previousApiKey,
    machineKey: {
      kept: readKept(dataDirectory).RELAY_KEY,
      keep: (key) => changeKept(dataDirectory, { RELAY_KEY: key }),
      place: keptPath(dataDirectory),
    },
    interrupted: findInterrupted(settings),
    settleCurrent: async () => apiKey,
    begin({ kind, old, key }) {
      changeKept(dataDirectory, { ROTATION_KIND: kind, ROTATION_OLD: old, ROTATION_NEW: key })
    },
    async set({ current, previous }) {
      const values = { RELAY_API_KEY: current, RELAY_API_KEY_PREVIOUS: previous }
      if (isInFile) changeDevVars(PROJECT, values)
      else changeKept(dataDirectory, values)
    },
    complete() {
      const none = { ROTATION_KIND: undefined, ROTATION_OLD: undefined, ROTATION_NEW: undefined }
      changeKept(dataDirectory, none)
    },
  }
}

/** Ignores a rotation whose keys are no longer the ones in use, since a person has changed them. */
function findInterrupted({ apiKey, dataDirectory }: Settings): Rotation | undefined {
  const { ROTATION_KIND: kind, ROTATION_OLD: old, ROTATION_NEW: key } = readKept(dataDirectory)
  if (!kind || !old || !key || (apiKey !== old && apiKey !== key)) return undefined
  return { kind: kind as Rotation['kind'], old, key }
}
