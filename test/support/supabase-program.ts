/**
 * Finds Supabase's program once per run, or fetches it with npx if this machine does not have it yet.
 * Tests that need it are skipped where it cannot be had: `test.skipIf(!inject('supabase'))`.
 */
import type { TestProject } from 'vitest/node'
import { fetchProgram, findProgram, type Program } from '../../scripts/lib/supabase-program.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** The command line of Supabase's program, or null. */
    supabase: Program | null
  }
}

/** Long enough to fetch it, and short where nothing answers. */
const PATIENCE_MS = 120_000

export default async function setup(project: TestProject) {
  const timeUp = new Promise<undefined>((resolve) => {
    setTimeout(() => resolve(undefined), PATIENCE_MS).unref()
  })
  const found = findProgram().then((program) => program ?? fetchProgram())
  const program = await Promise.race([found.catch(() => undefined), timeUp])
  if (!program) console.log("Supabase's program cannot be had here: its tests are skipped.")
  project.provide('supabase', program ?? null)
}
