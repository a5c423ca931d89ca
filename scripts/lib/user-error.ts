/**
 * UserError: what a command can't do and the way out, in one sentence for the person at the
 * terminal. Commands print its message alone and exit with 1; any other error is a bug and is
 * shown whole.
 */
export class UserError extends Error {
  override name = 'UserError'
}
