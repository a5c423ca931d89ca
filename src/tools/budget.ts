/** The size of an answer: how many bytes of messages it may carry. */
import { RelayError } from '../errors.ts'
import type { ToolContext } from './tool.ts'

/** UTF-8 bytes of messages in one HTTP answer in the shape of relay-mcp 0.1.0, a batch included. */
export const MAX_MESSAGE_BYTES = 60_000

/**
 * The same for a lean answer: about 8,000 tokens. Clients warn at 10,000 tokens, and refuse at 25,000
 * unless the tool says otherwise.
 */
const MAX_LEAN_BYTES = 32_000

/** Characters of a content above which it is cut where several messages are returned. */
const MAX_CONTENT = 8_000

/** The database needs this to fill an answer: bytes of messages, and how they will be shown. */
export interface Budget {
  max_bytes: number
  max_content: number | undefined
  /** Bytes that the shape has around a content. */
  overhead: number
}

/**
 * The bytes left for a reading call. One message is always returned, however large, so a batch that
 * has used up its budget must not read on: nothing would move the cursor back. Throws RelayError.
 */
export function requireBudget({ budget, isBatch, isLean }: ToolContext): Budget {
  if (isBatch && budget.bytes <= 0) {
    throw new RelayError(
      'batch_full',
      'The answer to this batch is full: make this call by itself.',
    )
  }
  return isLean
    ? { max_bytes: Math.min(budget.bytes, MAX_LEAN_BYTES), max_content: MAX_CONTENT, overhead: 100 }
    : { max_bytes: budget.bytes, max_content: undefined, overhead: 238 }
}
