/** A script's frame: a refusal is a sentence, anything else a fault shown whole; both end with 1. */
import { Refusal } from './refusal.ts'

export async function run(main: () => Promise<void>): Promise<void> {
  try {
    await main()
  } catch (error) {
    console.error(error instanceof Refusal ? error.message : error)
    process.exitCode = 1
  }
}
