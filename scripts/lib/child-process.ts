/**
 * Starts native processes that never outlive this one.
 *
 * A child runs in its own session, so that Ctrl-C reaches only this process, which then stops everything
 * in order. Nothing would stop the child after a kill -9, though. Therefore each Node process has a
 * watchdog: a shell that reads a pipe. When Node dies, the pipe closes, and the watchdog sends each
 * child and its process group the last signal.
 */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Socket } from 'node:net'

const WATCHDOG = `
trap '' HUP INT TERM
watched=
while read -r word child; do
  others=
  for each in $watched; do [ "$each" = "$child" ] || others="$others $each"; done
  watched=$others
  [ "$word" = watch ] && watched="$watched $child"
done
for each in $watched; do kill -s "\${each%:*}" -- "-\${each#*:}"; done
`

export interface ChildOptions extends SpawnOptions {
  /** The signal that the watchdog sends if this process dies first, without its SIG. */
  lastSignal: 'KILL' | 'INT' | 'QUIT'
}

export interface Child {
  process: ChildProcess
  pid: number
  /** Resolves with how the process ended: `exit code 1`, `SIGKILL`. */
  exited: Promise<string>
  /** Sends the signals one by one, `patience` ms apart, until the process has ended. */
  stop(signals: NodeJS.Signals[], patience: number): Promise<void>
}

/** Starts a process that ends when it is stopped, at the latest when this process ends. */
export async function startChild(
  command: string,
  args: string[],
  { lastSignal, ...options }: ChildOptions,
): Promise<Child> {
  const process = spawn(command, args, { ...options, detached: true })
  const exited = once(process, 'exit').then(([code, signal]) => signal ?? `exit code ${code}`)
  // A caller that does not wait for the end must not crash if the command could not be started.
  exited.catch(() => {})
  await once(process, 'spawn')
  const pid = process.pid as number

  watchdog().write(`watch ${lastSignal}:${pid}\n`)
  process.once('exit', () => watchdog().write(`forget ${lastSignal}:${pid}\n`))

  return {
    process,
    pid,
    exited,
    async stop(signals, patience) {
      for (const signal of signals) {
        process.kill(signal)
        if (await endedWithin(exited, patience)) return
      }
      await exited
    },
  }
}

let pipe: Socket | undefined

function watchdog(): Socket {
  if (!pipe?.writable) {
    const shell = spawn('/bin/sh', ['-c', WATCHDOG], {
      stdio: ['pipe', 'ignore', 'ignore'],
      cwd: '/',
      env: { PATH: process.env.PATH },
      detached: true,
    })
    shell.on('error', () => {})
    shell.unref()
    pipe = shell.stdin as Socket
    pipe.on('error', () => {})
    pipe.unref()
  }
  return pipe
}

function endedWithin(exited: Promise<unknown>, ms: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms, false)
    exited.then(() => {
      clearTimeout(timer)
      resolve(true)
    })
  })
}
