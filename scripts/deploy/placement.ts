/** Places the Worker in a region, which wrangler reads only from its configuration file. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PROJECT } from '../lib/project.ts'

const FILE = join(PROJECT, 'wrangler.toml')

/** Whether wrangler.toml was edited to place the Worker. That decides. */
export function hasOwnPlacement(): boolean {
  return /^\s*\[placement\]/m.test(readFileSync(FILE, 'utf8'))
}

/** Runs `work` with the path of a copy of wrangler.toml that places the Worker in `region`. */
export async function withPlacement<T>(
  region: string,
  work: (file: string) => Promise<T>,
): Promise<T> {
  // In the same folder, because the paths in it are relative.
  const file = join(PROJECT, `wrangler.placed-${process.pid}.toml`)
  const remove = () => rmSync(file, { force: true })
  process.once('exit', remove)
  try {
    const placement = `[placement]\nregion = "${region}"\n`
    writeFileSync(file, `${readFileSync(FILE, 'utf8')}\n${placement}`)
    return await work(file)
  } finally {
    remove()
    process.off('exit', remove)
  }
}
