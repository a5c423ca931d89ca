/** Restarts a part of the stack whenever it ends by itself, with growing pauses. */
import { setTimeout as sleep } from 'node:timers/promises'

/** A process of the stack. */
export interface Part {
  pid: number
  /** Resolves with how it ended: `exit code 1`, `SIGKILL`. */
  exited: Promise<string>
  stop(): Promise<void>
}

export interface KeepUpOptions {
  part: Part
  /** Starts a replacement. */
  restart: () => Promise<Part>
  /** Whether the whole stack is being stopped. */
  isStopping: () => boolean
  /** Whether it was stopped on purpose, to be restarted. */
  isExpected: () => boolean
  /** Called when it has ended, with the pause in ms before it is restarted. */
  onEnd: (end: string, pause: number) => void
  /** Called when a restart failed; only once until one succeeds. */
  onFault: (error: Error) => void
}

const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 30_000
/** After this time a start counts as successful. */
const STABLE_MS = 60_000

/** Resolves when the stack stops. The first restart is immediate; each further one waits twice as long. */
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
      // The stack was stopped meanwhile, so the replacement must stop too.
      if (isStopping()) await part.stop()
    } catch (error) {
      part = undefined
      if (!hasFailed) onFault(error as Error)
      hasFailed = true
    }
  }
}
