/** Starts a part of the stack again whenever it ends by itself, with longer and longer pauses. */
import { setTimeout as sleep } from 'node:timers/promises'

/** A process that the stack consists of. */
export interface Part {
  pid: number
  /** Resolves with how it ended: `exit code 1`, `SIGKILL`. */
  exited: Promise<string>
  stop(): Promise<void>
}

export interface KeepUpOptions {
  part: Part
  /** Starts it again in its place. */
  restart: () => Promise<Part>
  /** Whether all of it is being stopped. */
  isStopping: () => boolean
  /** Whether it was ended to be started again, which is not a fault. */
  isExpected: () => boolean
  /** It has ended, and is started again after so many ms. */
  onEnd: (end: string, pause: number) => void
  /** It could not be started again, and is tried again; said once until it succeeds. */
  onFault: (error: Error) => void
}

const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 30_000
/** What has run for this long did not fail at its start. */
const STABLE_MS = 60_000

/** Resolves when the stack stops. The first restart is immediate; each after it waits twice as long. */
export async function keepUp(options: KeepUpOptions): Promise<void> {
  const { restart, isStopping, isExpected, onEnd, onFault } = options
  let part: Part | undefined = options.part
  let pause = 0
  let hasFailed = false
  while (!isStopping()) {
    const startedAt = Date.now()
    if (part) {
      const end = await part.exited
      if (isStopping()) return
      if (isExpected() || Date.now() - startedAt > STABLE_MS) pause = 0
      onEnd(end, pause)
    }
    await sleep(pause, undefined, { ref: false })
    pause = Math.min(Math.max(pause * 2, FIRST_PAUSE_MS), LONGEST_PAUSE_MS)
    if (isStopping()) return
    try {
      part = await restart()
      hasFailed = false
      // Stopped meanwhile: what came too late goes too.
      if (isStopping()) await part.stop()
    } catch (error) {
      part = undefined
      if (!hasFailed) onFault(error as Error)
      hasFailed = true
    }
  }
}
