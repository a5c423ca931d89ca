/**
 * Errors whose message is a sentence for the person at the terminal: what failed, and how to fix it.
 * command.ts prints only that message. Any other error is a bug and is printed in full.
 */
export class UserError extends Error {
  override name = 'UserError'
  readonly exitCode: number = 1
}

/** An invalid option, or a setting that is missing or malformed: the command has done nothing yet. */
export class UsageError extends UserError {
  override name = 'UsageError'
  override readonly exitCode = 2
}
