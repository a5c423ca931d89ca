/** The definition of a tool as MCP lists it, and the way from arguments to a result. */
import type * as z from 'zod/mini'
import type { Database, DatabaseCaller } from '../db.ts'
import type { EventServices } from '../events/protocol.ts'
import type { Scope } from '../scopes.ts'
import { quote } from '../similar.ts'
import { parseArguments } from './arguments.ts'
import { jsonSchema } from './schema.ts'
import { type Answer, show } from './shape.ts'

/** Who calls: told apart and counted by its grant, named by `client` (`via`), and limited by `scope`. */
export interface Caller extends DatabaseCaller {
  scope: Scope
}

/** A call whose client may go away or cancel it. */
export interface OngoingCall {
  /** Aborts when the call is over. Making it takes as long as all the rest of a short call. */
  signal(): AbortSignal
  /** Whether the client has gone away, or has cancelled the call. */
  isOver(): boolean
}

/** Shared by the calls of one HTTP request. */
export interface ToolServices {
  /** The database for this caller. */
  db: Database
  caller: Caller
  /** Reads the view for chats; undefined while RELAY_APP is off. */
  app: (() => Promise<string>) | undefined
  /** Reads a static file; undefined for one that is missing, and in a deployment without them. */
  readAsset: ((path: string) => Promise<string | undefined>) | undefined
  /** The relay's own address. */
  origin: string
  /** The folded reader tags whose messages the person is notified of; undefined without RELAY_NOTIFY_URL. */
  notifyFor: ReadonlySet<string> | undefined
  events: EventServices
}

/** The context of a handler. */
export interface ToolContext extends ToolServices {
  call: OngoingCall
  /** Bytes of messages that the HTTP answer may still carry; the tool calls of a batch share it. */
  budget: { bytes: number }
  isBatch: boolean
  /** Answers in the lean shape (MCP 2025-06-18 and later) instead of the one of relay-mcp 0.1.0. */
  isLean: boolean
}

/** Tool annotations, MCP 2025-03-26 and later. Hosts decide by them what to ask the person about. */
interface Annotations {
  readOnlyHint: boolean
  destructiveHint: boolean
  idempotentHint: boolean
  openWorldHint: boolean
}

export interface Tool {
  name: string
  isReadOnly: boolean
  /** The tool as tools/list shows it. */
  definition(): Record<string, unknown>
  /** Answers a call. Throws RelayError if the model can correct the call, or the database failed. */
  call(args: Record<string, unknown>, context: ToolContext): Promise<CallToolResult>
}

export interface CallToolResult extends Record<string, unknown> {
  content: { type: 'text'; text: string }[]
  structuredContent: Record<string, unknown>
}

interface ToolOptions<Input extends z.ZodMiniObject, Stored extends object> {
  name: string
  title: string
  description: string
  inputSchema: Input
  /** The fields of a lean answer that programs need: it is open, and has more. */
  outputSchema: z.ZodMiniObject
  annotations: Annotations
  _meta?: Record<string, unknown>
  /** Answers as the database does. */
  handler(args: z.infer<Input>, context: ToolContext): Promise<Stored>
  /** Leaves out the fields that 0.1.0's answers did not have. */
  faithful?: (answer: Answer) => Answer
  /** The part that the first text block holds: relay-mcp 0.1.0 answered two tools with an array. */
  text?: (answer: Answer) => unknown
  /**
   * The next call to make, in clauses; none when there is nothing to add. `isSeen`: the first text block has
   * every field, so that a clause need not say it again.
   */
  note?: (answer: Stored, args: z.infer<Input>, isSeen: boolean) => string[]
}

/**
 * Makes a tool. Its text says what its structured content says, because some clients show the model
 * only one of the two.
 */
export function defineTool<Input extends z.ZodMiniObject, Stored extends object>(
  options: ToolOptions<Input, Stored>,
): Tool {
  const { name, title, description, annotations, _meta, inputSchema, outputSchema } = options
  let definition: Record<string, unknown> | undefined
  return {
    name,
    isReadOnly: annotations.readOnlyHint,
    definition() {
      definition ??= {
        name,
        title,
        description,
        inputSchema: jsonSchema(inputSchema),
        outputSchema: jsonSchema(outputSchema),
        annotations,
        ...(_meta && { _meta }),
      }
      return definition
    },
    async call(sent, context) {
      const { args, ignored } = parseArguments(inputSchema, sent)
      const stored = await options.handler(args, context)
      const shown = show(stored, context.isLean)
      const answer = (context.isLean ? undefined : options.faithful)?.(shown) ?? shown
      const text = JSON.stringify(options.text ? options.text(answer) : answer)
      // Nothing else reads from the budget of a single call.
      if (context.isBatch) context.budget.bytes -= new TextEncoder().encode(text).byteLength
      const isSeen = context.isLean && !options.text
      const clauses = [...(options.note?.(stored, args, isSeen) ?? []), ...noteIgnored(ignored)]
      if (clauses.length === 0) {
        return { content: [{ type: 'text', text }], structuredContent: answer }
      }
      const note = `${clauses.join('. ')}.`
      return {
        content: [
          { type: 'text', text },
          { type: 'text', text: note },
        ],
        structuredContent: { ...answer, note },
      }
    },
  }
}

/** Arguments that a client added of its own accord. */
function noteIgnored(ignored: string[]): string[] {
  if (ignored.length === 0) return []
  const shown = ignored.slice(0, 3).map((name) => quote(name.slice(0, 40)))
  const more = ignored.length > shown.length ? ` and ${ignored.length - shown.length} more` : ''
  return [`Ignored, because they are not arguments here: ${shown.join(', ')}${more}`]
}
