/** What a tool is: its definition as MCP lists it, and the way from arguments to a result. */
import * as z from 'zod/mini'
import type { Database } from '../db.ts'
import { parseArguments } from './arguments.ts'

/** What a handler may use. */
export interface ToolContext {
  db: Database
  userId: string
  /** Aborts when the client goes away. */
  signal: AbortSignal
  /** Bytes of messages that the HTTP answer may still carry; the tool calls of a batch share it. */
  budget: { bytes: number }
  isBatch: boolean
  /** The name of the OAuth client that calls; undefined for the static key. */
  via: string | undefined
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
  /** Answers a call. Throws RelayError for what the model can mend, or the database failed at. */
  call(args: Record<string, unknown>, context: ToolContext): Promise<CallToolResult>
}

export interface CallToolResult extends Record<string, unknown> {
  content: { type: 'text'; text: string }[]
  structuredContent: Record<string, unknown>
}

type ObjectSchema = z.ZodMiniObject

interface ToolOptions<Input extends ObjectSchema, Output extends ObjectSchema> {
  name: string
  title: string
  description: string
  inputSchema: Input
  outputSchema: Output
  annotations: Annotations
  _meta?: Record<string, unknown>
  handler(args: z.infer<Input>, context: ToolContext): Promise<z.infer<Output>>
  /** The part that the first text block holds: relay-mcp 0.1.0 answered two tools with an array. */
  text?: (output: z.infer<Output>) => unknown
  /** What the counts say, for the model, in clauses; none when there is nothing to add. */
  note?: (output: z.infer<Output>, args: z.infer<Input>) => string[]
}

/**
 * Makes a tool. Its text says what its structured content says, because some clients show the model
 * only the one and some only the other.
 */
export function defineTool<Input extends ObjectSchema, Output extends ObjectSchema>(
  options: ToolOptions<Input, Output>,
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
        outputSchema: withNote(jsonSchema(outputSchema)),
        annotations,
        ...(_meta && { _meta }),
      }
      return definition
    },
    async call(args, context) {
      const input = parseArguments(inputSchema, args)
      const output = await options.handler(input, context)
      const text = JSON.stringify(options.text ? options.text(output) : output)
      context.budget.bytes -= new TextEncoder().encode(text).byteLength
      const clauses = options.note?.(output, input) ?? []
      if (clauses.length === 0) {
        return { content: [{ type: 'text', text }], structuredContent: output }
      }
      const note = `${clauses.join('; ')}.`
      return {
        content: [
          { type: 'text', text },
          { type: 'text', text: note },
        ],
        structuredContent: { ...output, note },
      }
    },
  }
}

/** JSON Schema of what a client sends or gets. The dialect is MCP's default, so it is not named. */
function jsonSchema(schema: ObjectSchema): Record<string, unknown> {
  const { $schema, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
  return rest
}

function withNote(schema: Record<string, unknown>): Record<string, unknown> {
  const note = { type: 'string', description: 'What the counts say.' }
  return { ...schema, properties: { ...(schema.properties as object), note } }
}
