/**
 * UserError: what a command cannot do and the way out, in a sentence for the person at the terminal.
 * The frame in command.ts prints its message and nothing else; any other error is a bug and is shown
 * whole.
 */
export class UserError extends Error {
  override name = 'UserError'
  readonly exitCode: number = 1
}

/** A wrong option, or a setting that is missing or malformed: the command has not begun. */
export class UsageError extends UserError {
  override name = 'UsageError'
  override readonly exitCode = 2
}
