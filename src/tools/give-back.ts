/** Taking back what a call marked as read, for a caller that has gone before it could be told. */
import * as z from 'zod/mini'
import { count } from './fields.ts'
import { IF_READ_IS_UNKNOWN } from './notes.ts'
import type { ToolContext } from './tool.ts'

/** Which bookmarks a call has moved, in each thread from and to which seq. The database's business. */
export const moved = z.optional(z.array(z.looseObject({ thread_id: z.string() })))

const Given = z.looseObject({ thread_count: count })

/**
 * Puts the bookmarks of a reader back, where no later call has moved them, if the client went away or
 * cancelled the call while the database worked. Returns whether it did. Throws RelayError.
 */
export async function giveBack(
  readerTag: string | undefined,
  moved: unknown,
  { call, db, userId }: ToolContext,
): Promise<boolean> {
  if (!moved || !call.isOver()) return false
  const args = { p_user_id: userId, p_reader_tag: readerTag, p_moved: moved }
  await db.call('relay_give_back', args, Given, { retry: true, ifUnknown: IF_READ_IS_UNKNOWN })
  return true
}
