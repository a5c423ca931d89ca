/**
 * createHome(): a data directory for one test, and the processes of `npm start` on it, which are stopped
 * at the end. Its first start finds a database without content, unless `isNew`: making one
 * takes half a second of both processors.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, lstatSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, inject, vi } from 'vitest'
import { begin, inPipe } from './person.ts'
import { clientOf } from './relay.ts'

const RELAY = fileURLToPath(new URL('../../scripts/relay.ts', import.meta.url))
export const KEY = 'a-key-of-these-tests-that-is-long-enough'
const UP = /URL +(\S+)\/mcp/

type Environment = Record<string, string | undefined>

export function createHome({ isNew = false } = {}) {
  const data = mkdtempSync(join(tmpdir(), 'relay-start-'))
  // Root's PostgreSQL runs as another account, which must be able to enter.
  chmodSync(data, 0o711)
  const started: ChildProcess[] = []

  /** Runs the command. `printed` grows; `exit` resolves when the process has ended. */
  function run(environment: Environment = {}, args: string[] = []) {
    const child = spawn(process.execPath, [RELAY, 'start', ...args], {
      env: { ...process.env, PORT: '0', RELAY_DATA: data, RELAY_API_KEY: KEY, ...environment },
    })
    started.push(child)
    const up = Promise.withResolvers<string>()
    const run = {
      pid: child.pid as number,
      printed: '',
      /** Resolves with the relay's origin once it is up. */
      up: up.promise,
      exit: once(child, 'exit').then(([code, signal]) => code ?? signal),
      kill: (signal: NodeJS.Signals) => child.kill(signal),
      /** Stops reading its output, as a pipe into `head` does. */
      closeOutput: () => [child.stdout, child.stderr].map((output) => output.destroy()),
    }
    for (const output of [child.stdout, child.stderr]) {
      output.on('data', (chunk) => {
        run.printed += chunk
        const url = UP.exec(run.printed)?.[1]
        if (url) up.resolve(url)
      })
    }
    return run
  }

  return {
    data,
    run,

    /** Runs the command until it is up. */
    async start(environment?: Environment, args?: string[]) {
      if (!isNew) copyDatabase(data)
      const running = run(environment, args)
      const url = await Promise.race([running.up, running.exit.then(() => undefined)])
      if (!url) throw new Error(`It did not come up: ${running.printed}`)
      return Object.assign(running, { url })
    },

    /** Begins another command on it. */
    begin: (name: string, args: string[] = [], environment: Environment = {}) =>
      begin(name, args, { HOME: data, RELAY_DATA: data, ...environment }, data),

    /** Runs another command on it until that ends. */
    command: (name: string, args: string[] = [], environment: Environment = {}) =>
      inPipe(name, args, { HOME: data, RELAY_DATA: data, ...environment }, data),

    /** The process of `npm start` in the owner record. */
    owner: (): number => JSON.parse(readFileSync(join(data, 'owner.json'), 'utf8')).pid,

    kept: () => JSON.parse(readFileSync(join(data, 'settings.json'), 'utf8')),

    /** The processes of the relay in the order of their start: PostgreSQL and workerd. */
    children(): number[] {
      const owner = `${this.owner()}`
      return listProcesses()
        .filter(({ parent, args }) => parent === owner && /^\S*\/(postgres|workerd) /.test(args))
        .map(({ pid }) => pid)
    },

    async [Symbol.asyncDispose]() {
      for (const child of started) child.kill('SIGKILL')
      // Also one that was started through npm, if the test did not get to stop it.
      if (existsSync(join(data, 'owner.json')) && lives(this.owner())) {
        process.kill(this.owner(), 'SIGKILL')
      }
      await vi.waitFor(() => expect(processesOf(data)).toEqual([]), 30_000)
      rmSync(data, { recursive: true })
    },
  }
}

/** Not where it would be a link: root's PostgreSQL could not enter the folder. */
function copyDatabase(data: string): void {
  const made = join(inject('scratch'), 'home', 'postgres')
  if (existsSync(join(data, 'postgres')) || lstatSync(made).isSymbolicLink()) return
  execFileSync('cp', ['-a', made, data])
}

/** Calls a tool of `npm start`. */
export const call = (url: string, name: string, args: object, key = KEY) =>
  clientOf(url, key).callFaithfully(name, args)

/** Lists processes with this folder in their arguments, such as those of PostgreSQL. */
export function processesOf(folder: string): string[] {
  const all = ps('-ww', '-e', '-o', 'stat=', '-o', 'args=').split('\n')
  return all.filter((line) => line.includes(folder) && !line.startsWith('Z'))
}

export function listProcesses() {
  const lines = ps('-ww', '-e', '-o', 'pid=', '-o', 'ppid=', '-o', 'args=').split('\n')
  return lines.map((line) => {
    const [pid, parent, ...args] = line.trim().split(/ +/)
    return { pid: Number(pid), parent, args: args.join(' ') }
  })
}

export function ps(...args: string[]): string {
  return execFileSync('ps', args, { encoding: 'utf8' })
}

export function lives(pid: number): boolean {
  try {
    return !ps('-o', 'stat=', '-p', `${pid}`).startsWith('Z')
  } catch {
    return false
  }
}
