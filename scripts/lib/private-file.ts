/** Writes files that only this account can read. Leaf. */
import { renameSync, rmSync, writeFileSync } from 'node:fs'

/** Writes a new file, and removes it if it cannot be written whole. The error names it. */
export function writePrivate(path: string, text: string): void {
  try {
    writeFileSync(path, text, { mode: 0o600, flush: true })
  } catch (error) {
    rmSync(path, { force: true })
    throw Object.assign(error as Error, { path })
  }
}

/** Replaces a file in one step. */
export function replacePrivate(path: string, text: string): void {
  const draft = `${path}.${process.pid}`
  writePrivate(draft, text)
  renameSync(draft, path)
}
