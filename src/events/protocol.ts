/**
 * The keys, names and error codes of MCP Events (SEP-3415, an extension in Beta), and the rule for the
 * webhook-id. Clients in the field differ from the text of the specification in places, which are said here.
 */
import type { Config } from '../config.ts'
import type { Reach } from './receiver.ts'

/** The services that the methods use, in addition to the tools' context. */
export interface EventServices extends Reach {
  config: Config
  /** Counts a receiver that is to be asked; false when there were too many. */
  countVerification(): Promise<boolean>
}

/** The capability under `extensions`, and the one at the top level, where ChatGPT and others look for it. */
const EXTENSION = 'io.modelcontextprotocol/events'
const CAPABILITY = 'events'

/** For `capabilities` in both protocol eras. The types never change, so there is no `listChanged`. */
export const EVENTS_CAPABILITIES = {
  [CAPABILITY]: {},
  extensions: { [EXTENSION]: {} },
}

export const MESSAGE_POSTED = 'message.posted'

/** The numbers that clients and the conformance suite use; the specification's own were still provisional. */
export const EventErrorCode = {
  NOT_FOUND: -32011,
  FORBIDDEN: -32012,
  RESOURCE_EXHAUSTED: -32013,
  UNSUPPORTED: -32014,
  CALLBACK_ENDPOINT: -32015,
} as const

/** An event as one occurrence of a type, in all modes of delivery. */
export interface Occurrence {
  /** The id of the message: in a header and in what is signed, so without a dot. */
  eventId: string
  name: string
  timestamp: string
  data: Record<string, unknown>
}

/**
 * Receivers in the field require that it is the event's id, and it is the same in each attempt. A message goes
 * to a URL once for each subscription, so it is also one id for each webhook message of a subscription.
 */
export function webhookIdOf({ eventId }: Occurrence): string {
  return eventId
}

/** Whether a request declares the extension, MCP 2026-07-28. */
export function declaresEvents({ _meta }: { _meta?: unknown }): boolean {
  const meta = _meta as Record<string, { extensions?: object } | undefined> | undefined
  const declared = meta?.['io.modelcontextprotocol/clientCapabilities']?.extensions
  return declared !== undefined && EXTENSION in declared
}
