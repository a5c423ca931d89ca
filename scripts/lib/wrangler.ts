/**
 * Runs the project's own wrangler in the project's folder: without prompts or telemetry, and never
 * longer than this process.
 */
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { stripVTControlCharacters } from 'node:util'
import { startChild } from './child-process.ts'
import { environmentFor } from './environment.ts'
import { PROJECT } from './project.ts'

const QUIET = {
  CI: 'true',
  WRANGLER_HIDE_BANNER: 'true',
  WRANGLER_SEND_METRICS: 'false',
  WRANGLER_WRITE_LOGS: 'false',
  // Compiling its 10 MB takes a third of the time of a short command.
  NODE_COMPILE_CACHE: join(PROJECT, '.wrangler', 'compile-cache'),
}

/** Its login, account and API. */
const CLOUDFLARE = /^(CLOUDFLARE|CF)_/

export interface WranglerOptions {
  env?: Record<string, string | undefined>
  /** Standard input, so that a secret does not appear in the arguments. */
  input?: string
}

export interface WranglerResult {
  ok: boolean
  stdout: string
  /** Its message for a person, without colours: the errors if there are any, otherwise the output. */
  said: string
}

export async function runWrangler(
  args: string[],
  { env, input = '' }: WranglerOptions = {},
): Promise<WranglerResult> {
  // Its main module runs in this process what its bin would start a second process for.
  const wrangler = createRequire(import.meta.url).resolve('wrangler')
  const child = await startChild(process.execPath, ['--no-warnings', wrangler, ...args], {
    cwd: PROJECT,
    env: { ...environmentFor(CLOUDFLARE), ...QUIET, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
    lastSignal: 'KILL',
  })
  const { stdin, stdout, stderr } = child.process
  // If it ends without reading its input, its output says why.
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
