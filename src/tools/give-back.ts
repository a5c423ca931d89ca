/** Takes back the marks of a call, for a caller that has gone before it received the messages. */
import { IF_READ_IS_UNKNOWN } from './notes.ts'
import type { ToolContext } from './tool.ts'

/** Which bookmarks a call has moved: the database's business, and not part of an answer. */
export interface Moved {
  moved?: unknown
}

/**
 * Puts the bookmarks of a reader back, where no later call has moved them, if the client went away or
 * cancelled the call while the database worked. Returns whether it did. Throws RelayError.
 */
export async function giveBack(
  readerTag: string | undefined,
  moved: unknown,
  { call, db }: ToolContext,
): Promise<boolean> {
  if (!moved || !call.isOver()) return false
  const args = { reader_tag: readerTag, moved }
  await db.call('relay_give_back', args, { retry: true, ifUnknown: IF_READ_IS_UNKNOWN })
  return true
}
