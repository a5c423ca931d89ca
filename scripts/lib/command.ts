/**
 * Runs every command in the same way: strict options, `--help`, and exit code 0 for success, 1 for
 * failure, 2 for an invalid option or setting, and 130 after an interruption.
 */
import { parseArgs } from 'node:util'
import { handleClosedOutput } from './output.ts'
import { describeSystemError } from './system-error.ts'
import { UsageError, UserError } from './user-error.ts'

type Options = Record<string, { type: 'boolean' | 'string'; short?: string }>

type Values<O extends Options> = {
  [Name in keyof O]?: O[Name]['type'] extends 'boolean' ? boolean : string
}
// biome-ignore lint/suspicious/noExplicitAny: defineCommand has checked them against the options.
type AnyValues = any

export interface Command<V = AnyValues> {
  /** Usage and description, printed by `--help`. */
  help: string
  options: Options
  /** Names of its arguments, all optional here: `run` checks them. */
  arguments?: string[]
  /** Whether it runs until it is stopped, and handles signals itself. Other commands end at a signal. */
  stopsItself?: boolean
  /** Returns the exit code, or undefined for 0. */
  run(values: V, args: string[]): Promise<number | undefined>
}

/** Returns the command; `run` gets the types of its options. */
export function defineCommand<const O extends Options>(
  command: Command<Values<O>> & { options: O },
): Command {
  return command
}

/** Shells use 128 plus the number of the signal, here SIGINT. */
export const INTERRUPTED = 130

/** Between two looks at whether the shell that npm started is still there. */
const PARENT_PAUSE_MS = 250

/** Runs a command with the arguments that follow its name, and sets the exit code. */
export async function runCommand(command: Command, args: string[]): Promise<void> {
  handleClosedOutput({ continues: command.stopsItself ?? false })
  try {
    const { values, positionals } = parse(command, args)
    if (values.help) return console.log(command.help.trim())
    stopWithShell()
    if (!command.stopsItself) {
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
        process.on(signal, () => process.exit(INTERRUPTED))
      }
    }
    process.exitCode = (await command.run(values, positionals)) ?? process.exitCode ?? 0
  } catch (error) {
    console.error(
      error instanceof UserError ? error.message : (describeSystemError(error) ?? error),
    )
    process.exitCode = error instanceof UserError ? error.exitCode : 1
  }
}

function parse(command: Command, args: string[]) {
  const { options, arguments: names = [] } = command
  try {
    const parsed = parseArgs({
      args,
      options: { ...options, help: { type: 'boolean', short: 'h' } },
      allowPositionals: names.length > 0,
    })
    const [extra] = parsed.positionals.slice(names.length)
    if (extra !== undefined) throw new Error(`Unexpected argument '${extra}'`)
    return parsed as { values: Record<string, string | boolean>; positionals: string[] }
  } catch (error) {
    const [usage] = command.help.trim().split('\n')
    throw new UsageError(`${(error as Error).message}\nUsage: ${usage}\nMore: --help`)
  }
}

/**
 * npm passes SIGTERM on to the shell that it started, and that shell ends without passing it on. On
 * POSIX systems `exec` would take the shell away, but Windows has no such word.
 */
function stopWithShell(): void {
  if (!process.env.npm_lifecycle_event || process.platform === 'win32') return
  const shell = process.ppid
  const clock = setInterval(() => {
    if (process.ppid === shell) return
    clearInterval(clock)
    process.kill(process.pid, 'SIGTERM')
  }, PARENT_PAUSE_MS)
  clock.unref()
}
