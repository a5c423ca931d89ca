/** Deploys without the triggers of wrangler.toml, which wrangler reads only from a file. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, stringify } from 'smol-toml'
import { PROJECT } from '../lib/project.ts'

/** Runs `work` with the path of a copy of wrangler.toml that has no triggers. */
export async function withoutTriggers<T>(work: (file: string) => Promise<T>): Promise<T> {
  // In the same folder, because the paths in it are relative.
  const file = join(PROJECT, `wrangler.changed-${process.pid}.toml`)
  const remove = () => rmSync(file, { force: true })
  process.once('exit', remove)
  try {
    const settings = parse(readFileSync(join(PROJECT, 'wrangler.toml'), 'utf8'))
    writeFileSync(file, stringify({ ...settings, triggers: {} }))
    return await work(file)
  } finally {
    remove()
    process.off('exit', remove)
  }
}
