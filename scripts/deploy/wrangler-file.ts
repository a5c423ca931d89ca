/** Deploys with settings other than those of wrangler.toml, which wrangler reads only from a file. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, stringify } from 'smol-toml'
import { PROJECT } from '../lib/project.ts'

const FILE = join(PROJECT, 'wrangler.toml')

/** Whether wrangler.toml was edited to place the Worker. That decides. */
export function hasOwnPlacement(): boolean {
  return /^\s*\[placement\]/m.test(readFileSync(FILE, 'utf8'))
}

/** Runs `work` with the path of a copy of wrangler.toml in which `changes` replace whole tables. */
export async function withChanges<T>(
  changes: Record<string, object>,
  work: (file: string) => Promise<T>,
): Promise<T> {
  // In the same folder, because the paths in it are relative.
  const file = join(PROJECT, `wrangler.changed-${process.pid}.toml`)
  const remove = () => rmSync(file, { force: true })
  process.once('exit', remove)
  try {
    writeFileSync(file, stringify({ ...parse(readFileSync(FILE, 'utf8')), ...changes }))
    return await work(file)
  } finally {
    remove()
    process.off('exit', remove)
  }
}
