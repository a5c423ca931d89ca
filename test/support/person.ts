/** Runs a command of the project as a person does: in a pseudo-terminal, or with its output in a pipe. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'
import { spawn as spawnInTerminal } from '@lydell/node-pty'

const RELAY = fileURLToPath(new URL('../../scripts/relay.ts', import.meta.url))

const ENTER = '\r'
export const DOWN = '\x1b[B'
export const CTRL_C = '\x03'

/** Longer than any step of a command takes, so that a failing test can show the screen. */
const PATIENCE_MS = 60_000

type Environment = Record<string, string | undefined>

/** Creates a folder for RELAY_DATA, removed at the end. */
export function createHome() {
  const path = mkdtempSync(join(tmpdir(), 'relay-home-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) }
}

/** Runs a command in a terminal; the result types and reads like the person there. */
export function inTerminal(command: string, args: string[], environment: Environment) {
  return openTerminal(process.execPath, [RELAY, command, ...args], environment)
}

/** Runs any program in a terminal, from the folder of the tests or another. */
export function openTerminal(
  program: string,
  args: string[],
  environment: Environment,
  cwd?: string,
) {
  const terminal = spawnInTerminal(program, args, {
    cols: 120,
    rows: 40,
    ...(cwd !== undefined && { cwd }),
    env: surroundings({ TERM: 'xterm-256color', ...environment }),
  })
  let printed = ''
  let seen = 0
  terminal.onData((data) => {
    printed += data
  })
  let hasEnded = false
  const exit = new Promise<number>((resolve) => {
    terminal.onExit(({ exitCode }) => {
      hasEnded = true
      resolve(exitCode)
    })
  })
  const person = {
    /** Everything printed so far, without colours and cursor movements. */
    get printed() {
      return stripVTControlCharacters(printed)
    },
    pid: terminal.pid,
    exit,
    write: (keys: string) => terminal.write(keys),
    /** Waits for a text that follows the texts waited for before. */
    async sees(text: string) {
      const deadline = Date.now() + PATIENCE_MS
      while (!person.printed.includes(text, seen)) {
        if (hasEnded) throw new Error(`It ended without "${text}":\n${person.printed}`)
        if (Date.now() > deadline) throw new Error(`It never said "${text}":\n${person.printed}`)
        await sleep(20)
      }
      seen = person.printed.indexOf(text, seen) + text.length
    },
    /** Presses Ctrl-C. */
    interrupts: () => terminal.write(CTRL_C),
    /** Presses Ctrl-U, which clears the line. */
    clears: () => terminal.write('\x15'),
    /** Waits for a question and answers it. */
    async answers(question: string, answer: string) {
      await person.sees(question)
      terminal.write(answer)
      if (answer !== CTRL_C) terminal.write(ENTER)
    },
    [Symbol.dispose]: () => terminal.kill('SIGKILL'),
  }
  return person
}

/** Begins a command without a terminal. */
export function begin(command: string, args: string[], environment: Environment, cwd?: string) {
  return spawn(process.execPath, [RELAY, command, ...args], {
    env: surroundings(environment),
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd,
  })
}

/** Runs a command without a terminal until it ends. */
export async function inPipe(...command: Parameters<typeof begin>) {
  const child = begin(...command)
  let printed = ''
  for (const output of [child.stdout, child.stderr]) {
    output.on('data', (chunk) => {
      printed += chunk
    })
  }
  const [code] = await once(child, 'close')
  return { code, printed }
}

/** Removes the machine's own settings and displays, so that a test means the same everywhere. */
function surroundings(environment: Environment): Record<string, string> {
  const { PATH = '', HOME = '', NODE_COMPILE_CACHE } = process.env
  const given = Object.entries({ PATH, HOME, NODE_COMPILE_CACHE, ...environment })
  return Object.fromEntries(given.filter(([, value]) => value !== undefined)) as Record<
    string,
    string
  >
}
