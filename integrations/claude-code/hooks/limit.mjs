/** How long a hook may take: a limit for its requests, and an end even if one of them cannot be stopped. */
import { existsSync } from 'node:fs'

/** The timeout in hooks.json less the time to end, in milliseconds from the start of this process. */
const HOOK_MS = 4_500

/** Leaves Node at once: see finish. */
const SHELL = '/bin/sh'

let isTimeUp = false

/** The relay has not answered in time, or this machine left no time to ask it. */
export class TimeUp extends Error {
  constructor(isBusy) {
    super('time is up')
    this.isBusy = isBusy
  }
}

/**
 * Runs `ask` with a signal that aborts its requests after `limit` milliseconds. A process that started
 * late on a busy machine has less, or nothing: then a TimeUp has isBusy, and says nothing about the relay.
 */
export async function askWithin(limit, ask) {
  const left = Math.ceil(HOOK_MS - performance.now())
  if (left <= 0) throw new TimeUp(true)
  const signal = AbortSignal.timeout(Math.min(limit, left))
  try {
    return await ask(signal)
  } catch (error) {
    if (!signal.aborted) throw error
    isTimeUp = true
    throw new TimeUp(left < limit)
  }
}

/**
 * Prints the text and ends. A name lookup on an unreachable server cannot be aborted, and Node waits for
 * it even in process.exit. Replacing the program does not wait (Node 22.15 or later, not on Windows);
 * elsewhere Claude Code ends the hook after the timeout in hooks.json.
 */
export function finish(text) {
  process.stdout.write(text, () => {
    if (!isTimeUp) return
    if (process.execve && existsSync(SHELL)) process.execve(SHELL, ['sh', '-c', ':'])
    process.exit()
  })
}
