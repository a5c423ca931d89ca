/** The methods of MCP Events without a receiver: events/list and events/poll. There is no push stream. */
import { ErrorCode, type JsonObject, ProtocolError } from '../mcp/jsonrpc.ts'
import { type Method, onePage } from '../mcp/method.ts'
import { decodeCursor, encodeCursor, type Place, readCursor } from './cursor.ts'
import {
  eventType,
  occurrenceOf,
  type PostedMessage,
  readEventArguments,
  requireType,
} from './event-type.ts'
import { subscribe, unsubscribe } from './subscriptions.ts'

export const EVENT_METHODS: ReadonlyMap<string, Method> = new Map<string, Method>([
  ['events/list', ({ params }) => onePage(params, { events: [eventType()] })],
  ['events/poll', poll],
  ['events/subscribe', subscribe],
  ['events/unsubscribe', unsubscribe],
])

const MAX_EVENTS = { preset: 50, most: 100 }

/** Milliseconds after which to poll again: soon after a message, seldom where nothing happens. */
const NEXT_POLL = { lively: 2_000, usual: 5_000, quiet: 30_000 }
const LIVELY_TIME = 120_000
const QUIET_TIME = 3_600_000

interface Polled {
  events: PostedMessage[]
  cursor_at: string
  cursor_id: string
  has_more: boolean
  truncated: boolean
  quiet_ms?: number
}

/** events/poll: the messages after a cursor. One request to the database; moves no bookmark. */
async function poll(
  ...[{ params }, { tools }]: Parameters<Method>
): Promise<{ result: JsonObject }> {
  requireType(params.name)
  const args = readEventArguments(params.arguments)
  const cursor = readCursor(params.cursor)
  const max_age_ms = readNumber('maxAgeMs', params.maxAgeMs, 0)
  const wanted = readNumber('maxEvents', params.maxEvents, 1) ?? MAX_EVENTS.preset
  const after = cursor === undefined ? undefined : await decodeCursor(cursor, args)
  const polled = await tools.db.call<Polled>(
    'relay_poll_events',
    {
      ...args,
      after_at: after?.at,
      after_id: after?.id,
      max_age_ms,
      limit: Math.min(wanted, MAX_EVENTS.most),
    },
    { retry: true },
  )
  const { events, cursor_at: at, cursor_id: id, has_more, quiet_ms = QUIET_TIME } = polled
  const place: Place = { at, id }
  const pace = quiet_ms < LIVELY_TIME ? 'lively' : quiet_ms < QUIET_TIME ? 'usual' : 'quiet'
  return {
    result: {
      events: events.map((event) => occurrenceOf(event, tools.origin)),
      cursor: await encodeCursor(place, args),
      // A cursor that cannot be read is one whose messages are lost, not a fault of the client.
      truncated: polled.truncated || (cursor !== undefined && !after),
      hasMore: has_more,
      nextPollMs: NEXT_POLL[pace],
    },
  }
}

/** Throws ProtocolError. */
function readNumber(name: string, value: unknown, min: number): number | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min) return value
  throw new ProtocolError(ErrorCode.INVALID_PARAMS, `${name} must be a whole number from ${min} on`)
}
