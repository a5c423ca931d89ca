/** A script's frame: a refusal is a sentence, anything else a fault shown whole; both end with 1. */
import { UserError } from './user-error.ts'

export async function run(main: () => Promise<void>): Promise<void> {
  try {
    await main()
  } catch (error) {
    console.error(error instanceof UserError ? error.message : error)
    process.exitCode = 1
  }
}
