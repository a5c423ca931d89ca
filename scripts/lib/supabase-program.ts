/**
 * Finds and runs Supabase's official command-line program. It is no dependency, since it has 135 MB: the
 * one installed on this machine is used, or the pinned one, which npx fetches once. It runs in an empty
 * folder, because it would read the settings of a project in the current one.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { stripVTControlCharacters } from 'node:util'
import { type Child, startChild } from './child-process.ts'
import { UserError } from './user-error.ts'

/** The version that npx fetches. The options below are those of this major version. */
const PINNED = '3.1.0'

/** What a person runs to get the same program. */
export const PROGRAM = `npx supabase@${PINNED}`

/** The start of the command line that runs it. */
export type Program = [command: string, ...args: string[]]

// biome-ignore lint/suspicious/noExplicitAny: each caller parses the answer it asked for.
type Json = any

/** The program's answer, or its own words for why there is none. */
export type Outcome = { data: Json } | { fault: string }

/** A question that it never asked before would otherwise wait for an answer forever. */
const TIME_LIMIT_MS = 180_000

const QUIET = { SUPABASE_TELEMETRY_DISABLED: '1', SUPABASE_NO_UPDATE_NOTIFIER: '1' }

/** Returns the program, installed or fetched earlier; undefined if it would have to be fetched. */
export async function findProgram(): Promise<Program | undefined> {
  const installed = await run(['supabase', '--version']).catch(() => undefined)
  if (installed && isUsable(installed.stdout.trim())) return ['supabase']
  return locate(['--no', '--offline'])
}

/** Fetches the pinned program with npx. */
export async function fetchProgram(): Promise<Program> {
  const program = await locate(['--yes', '--fetch-retries=1', '--fetch-retry-mintimeout=1000'])
  if (program) return program
  throw new UserError(
    `npx could not fetch supabase@${PINNED}: check the network, or install Supabase's program ` +
      'yourself (https://supabase.com/docs/guides/local-development/cli/getting-started).',
  )
}

/** Whether an installed version has the options that are used here. */
export function isUsable(version: string): boolean {
  const [major, minor = 0] = version.split('.').map(Number)
  const [wanted, least = 0] = PINNED.split('.').map(Number)
  return major === wanted && minor >= least
}

/** Asks npx where it keeps the pinned package: the start of the PATH that it gives to a program. */
async function locate(options: string[]): Promise<Program | undefined> {
  const npm: Program = process.env.npm_execpath?.endsWith('.js')
    ? [process.execPath, process.env.npm_execpath]
    : ['npm']
  const print = ['--', 'node', '-p', 'process.env.PATH']
  const found = await run([...npm, 'exec', ...options, `--package=supabase@${PINNED}`, ...print])
    // A machine without npm.
    .catch(() => undefined)
  if (found?.code !== 0) return undefined
  const [bin = ''] = found.stdout.trim().split(delimiter)
  return [process.execPath, join(bin, '..', 'supabase', 'dist', 'supabase.js')]
}

/** Runs a command of the program that answers in JSON. Never prompts. */
export async function ask(program: Program, args: string[]): Promise<Outcome> {
  // Its answers have another form if it believes that a model reads them.
  const form = ['--output-format', 'json', '--agent', 'no']
  const { code, stdout, stderr } = await run([...program, ...args, ...form])
  const answer = parse(stdout)
  if (code === 0 && answer !== undefined) return { data: answer }
  return { fault: answer?.error?.message ?? stripVTControlCharacters(stderr || stdout).trim() }
}

/** Runs a command of the program in this terminal, for its own questions. Returns its exit code. */
export async function runInteractively(program: Program, args: string[]): Promise<number> {
  const [command, ...first] = program
  const options = {
    cwd: makeFolder(),
    env: { ...process.env, ...QUIET },
    stdio: 'inherit' as const,
  }
  const [code] = await once(spawn(command, [...first, ...args], options), 'exit')
  return code ?? 1
}

/** How a command ended. */
export interface Typed {
  /** Undefined if it did not end by itself in time. */
  code: number | undefined
  printed: string
}

/**
 * Runs a command of the program in a pseudo-terminal and types `secret` when it asks for it: an argument
 * could be read by everyone on this machine. Returns its exit code and what it printed.
 */
export async function runTyping(
  program: Program,
  args: string[],
  { prompt, secret }: { prompt: RegExp; secret: string },
): Promise<Typed> {
  const [command, ...first] = program
  const { spawn: open } = await import('@lydell/node-pty').catch(() => {
    throw new UserError(
      'This machine cannot type a password for Supabase’s program: create the project at ' +
        'https://supabase.com/dashboard/new, and choose it from the list.',
    )
  })
  const terminal = open(command, [...first, ...args], {
    // So wide that no line of the answer is broken.
    cols: 1000,
    cwd: makeFolder(),
    env: { ...process.env, ...QUIET, TERM: 'dumb' },
  })
  let printed = ''
  let isTyped = false
  terminal.onData((data) => {
    printed += data
    if (isTyped || !prompt.test(printed)) return
    isTyped = true
    terminal.write(`${secret}\r`)
  })
  const clock = setTimeout(() => terminal.kill(), TIME_LIMIT_MS)
  const code = await new Promise<number | undefined>((resolve) => {
    terminal.onExit(({ exitCode, signal }) => resolve(signal ? undefined : exitCode))
  })
  clearTimeout(clock)
  // The terminal would show what is typed too early.
  return { code, printed: stripVTControlCharacters(printed).replaceAll(secret, '…') }
}

async function run([command, ...args]: Program) {
  const child: Child = await startChild(command, args, {
    cwd: makeFolder(),
    env: { ...process.env, ...QUIET },
    stdio: ['ignore', 'pipe', 'pipe'],
    // npm is a script there, which only a shell can run.
    shell: process.platform === 'win32' && command === 'npm',
    lastSignal: 'KILL',
  })
  const { stdout, stderr } = child.process
  const closed = once(child.process, 'close')
  const [out, errors] = await Promise.all([
    text(stdout as NodeJS.ReadableStream),
    text(stderr as NodeJS.ReadableStream),
    child.exited,
    closed,
  ])
  return { code: child.process.exitCode, stdout: out, stderr: errors }
}

function parse(json: string): Json {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}

let folder: string | undefined

/** Creates the empty folder that the program runs in, removed at the end. */
export function makeFolder(): string {
  if (!folder) {
    const made = mkdtempSync(join(tmpdir(), 'relay-supabase-'))
    process.once('exit', () => rmSync(made, { recursive: true, force: true }))
    folder = made
  }
  return folder
}
