/** Waits for a service. */
import { UserError } from './user-error.ts'

export interface WaitOptions {
  /** In ms; then it throws. */
  patience: number
  /** In ms, between two looks. */
  pause: number
  /** Receives what is missing, each time. */
  more?: (missing: string) => void
}

/** Repeats `look` until it returns undefined. Until then, it returns a sentence about what is missing. */
export async function waitUntil(
  look: () => Promise<string | undefined>,
  { patience, pause, more }: WaitOptions,
): Promise<void> {
  const deadline = Date.now() + patience
  for (;;) {
    const missing = await look()
    if (missing === undefined) return
    if (Date.now() >= deadline) throw new UserError(missing)
    more?.(missing)
    await new Promise((resolve) => setTimeout(resolve, pause))
  }
}
