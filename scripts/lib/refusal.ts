/**
 * Refusal: what a command can't do and the way out, in one sentence for the person at the
 * terminal. Commands print its message alone and exit with 1; any other error is a bug and is
 * shown whole.
 */
export class Refusal extends Error {
  override name = 'Refusal'
}
