/** The size of an answer: how many bytes of messages it may carry. */
import { RelayError } from '../errors.ts'

/**
 * UTF-8 bytes of messages in one answer: about 15,000 tokens. Clients warn at 10,000 tokens, and
 * refuse at 25,000 unless the tool says otherwise.
 */
export const MAX_MESSAGE_BYTES = 60_000

/**
 * What is left for a reading call. One message is always returned, however large, so a batch that
 * has used up its budget must not read on: nothing would move the cursor back.
 */
export function requireBudget(budget: { bytes: number }, isBatch: boolean): number {
  if (isBatch && budget.bytes <= 0) {
    throw new RelayError(
      'batch_full',
      'The answer to this batch is full: make this call by itself.',
    )
  }
  return budget.bytes
}
