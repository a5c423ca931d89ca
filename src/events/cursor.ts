/** Places in the sequence of events, as clients keep them. */
import { ErrorCode, ProtocolError } from '../mcp/jsonrpc.ts'
import { hash } from '../oauth/jwt.ts'
import type { EventArguments } from './event-type.ts'
import { MESSAGE_POSTED } from './protocol.ts'

/** Everything up to a time, and at that time up to an id. */
export interface Place {
  at: string
  id: string
}

/** Behind every message of a time. */
export const LAST_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff'

const PLACE =
  /^(2\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) ([\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}) ([\w-]{8})$/

/** A cursor, which is good for these arguments only. */
export async function encodeCursor({ at, id }: Place, args: EventArguments): Promise<string> {
  return btoa(`${at} ${id} ${await digest(args)}`)
}

/** The place of a cursor; undefined for one that the relay has not made, or not for these arguments. */
export async function decodeCursor(
  cursor: string,
  args: EventArguments,
): Promise<Place | undefined> {
  try {
    const [, at = '', id = '', digested] = PLACE.exec(atob(cursor)) ?? []
    // Anyone can make one, also of a day that PostgreSQL does not know. Throws for a time that does not exist.
    const isTime = new Date(at).toISOString().slice(0, 23) === at.slice(0, 23)
    return isTime && digested === (await digest(args)) ? { at, id } : undefined
  } catch {
    return undefined
  }
}

function digest(args: EventArguments): Promise<string> {
  return hash(canonical(args), 6)
}

/** The arguments as one text, in the same order whatever the client's was. */
export function canonical({ reader_tag, thread_name, addressed_only }: EventArguments): string {
  return JSON.stringify([MESSAGE_POSTED, reader_tag, thread_name, addressed_only])
}

/** Throws ProtocolError. Absent and null are the same: from now on. */
export function readCursor(value: unknown): string | undefined {
  if (value === undefined || value === null || typeof value === 'string') return value ?? undefined
  throw new ProtocolError(ErrorCode.INVALID_PARAMS, 'cursor must be a string or null')
}
