/**
 * Runs the project's own wrangler in the project's folder, so that it asks nothing, tells nobody
 * anything, and ends when we do.
 */
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { stripVTControlCharacters } from 'node:util'
import { startChild } from './child-process.ts'
import { PROJECT } from './project.ts'

const QUIET = {
  CI: 'true',
  WRANGLER_HIDE_BANNER: 'true',
  WRANGLER_SEND_METRICS: 'false',
  WRANGLER_WRITE_LOGS: 'false',
  // Compiling its 10 MB takes a third of the time of a short command.
  NODE_COMPILE_CACHE: join(PROJECT, '.wrangler', 'compile-cache'),
}

export interface WranglerOptions {
  env?: Record<string, string | undefined>
  /** For its standard input, so that a secret is not shown among the arguments. */
  input?: string
}

export interface WranglerResult {
  ok: boolean
  stdout: string
  /** What it said to a person, without colours: of errors, if there are any. */
  said: string
}

export async function runWrangler(
  args: string[],
  { env, input = '' }: WranglerOptions = {},
): Promise<WranglerResult> {
  // Its main module does what its bin does in a second process.
  const wrangler = createRequire(import.meta.url).resolve('wrangler')
  const child = await startChild(process.execPath, ['--no-warnings', wrangler, ...args], {
    cwd: PROJECT,
    env: { ...process.env, ...QUIET, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
    lastSignal: 'KILL',
  })
  const { stdin, stdout, stderr } = child.process
  // One that ends without reading its input has said why.
  stdin?.on('error', () => {}).end(input)
  const closed = once(child.process, 'close')
  const [out, errors, end] = await Promise.all([
    text(stdout as NodeJS.ReadableStream),
    text(stderr as NodeJS.ReadableStream),
    child.exited,
    closed,
  ])
  return {
    ok: end === 'exit code 0',
    stdout: out,
    said: stripVTControlCharacters(errors.trim() || out).trim(),
  }
}
