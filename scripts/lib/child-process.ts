/**
 * The native processes of the local stack, and the promise that none of them outlives us.
 *
 * A child runs in a session of its own, so that Ctrl-C reaches only us and we stop things in
 * order. That also means nothing would stop it if we were killed with -9. Hence the watchdog: one
 * shell per Node process that reads a pipe from us. When we die, however we die, the pipe closes
 * and the watchdog sends each child its signal, and the group of processes that it leads.
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
  /** What the watchdog sends the child if we die first, without its SIG. */
  lastSignal: 'KILL' | 'INT' | 'QUIT'
}

export interface Child {
  process: ChildProcess
  pid: number
  /** Resolves when the process has ended, with how: `exit code 1`, `SIGKILL`. */
  exited: Promise<string>
  /** Sends the signals one after the other, `patience` ms apart, until the process has ended. */
  stop(signals: NodeJS.Signals[], patience: number): Promise<void>
}

/** Starts a process that ends when it is stopped, or else when this process ends. */
export async function startChild(
  command: string,
  args: string[],
  { lastSignal, ...options }: ChildOptions,
): Promise<Child> {
  const process = spawn(command, args, { ...options, detached: true })
  const exited = once(process, 'exit').then(([code, signal]) => signal ?? `exit code ${code}`)
  // A caller that doesn't wait for the end must not crash over a command that couldn't be started.
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
