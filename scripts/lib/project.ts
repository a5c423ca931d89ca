/** The folder and the version of the project, whatever folder a command is run from. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const PROJECT = fileURLToPath(new URL('../../', import.meta.url))

/** The version in package.json. */
export function readVersion(): string {
  return JSON.parse(readFileSync(join(PROJECT, 'package.json'), 'utf8')).version
}
