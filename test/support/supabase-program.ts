/**
 * findSupabaseProgram(): Supabase's own program, for the test that runs it, as a command line. npx fetches
 * it once, 135 MB. Undefined where it cannot be had; the test is skipped then.
 */
import { execFile } from 'node:child_process'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

const PACKAGE = 'supabase@3.1.0'
/** Long enough to fetch it, and short where nothing answers. */
const PATIENCE_MS = 120_000

export async function findSupabaseProgram(): Promise<[string, ...string[]] | undefined> {
  // npx puts the package at the start of the PATH of its program.
  const args = ['exec', '--yes', `--package=${PACKAGE}`, '--', 'node', '-p', 'process.env.PATH']
  const options = { cwd: tmpdir(), timeout: PATIENCE_MS }
  const found = await promisify(execFile)('npm', args, options).catch(() => undefined)
  if (!found) {
    console.log(`${PACKAGE} cannot be had here: its tests are skipped.`)
    return undefined
  }
  const [bin = ''] = found.stdout.trim().split(delimiter)
  return [process.execPath, join(bin, '..', 'supabase', 'dist', 'supabase.js')]
}
