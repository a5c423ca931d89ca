/**
 * Supabase's program, for the tests that import this: the one of this machine, or else fetched with npx.
 * Undefined where it cannot be had; those tests are skipped then.
 */
import { fetchProgram, findProgram, type Program } from '../../scripts/lib/supabase-program.ts'

/** Long enough to fetch it, and short where nothing answers. */
const PATIENCE_MS = 120_000

const timeUp = new Promise<undefined>((resolve) => {
  setTimeout(() => resolve(undefined), PATIENCE_MS).unref()
})
const found = findProgram().then((program) => program ?? fetchProgram())

export const supabaseProgram: Program | undefined = await Promise.race([
  found.catch(() => undefined),
  timeUp,
])
if (!supabaseProgram) console.log("Supabase's program cannot be had here: its tests are skipped.")
