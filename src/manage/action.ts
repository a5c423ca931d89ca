/** The definition of an action of POST /manage. */
import type * as z from 'zod/mini'
import type { Config } from '../config.ts'
import type { Caller } from '../tools/tool.ts'

/** The context of an action, in addition to its arguments. */
export interface ActionContext {
  caller: Caller
  config: Config
  /** The relay's own address. */
  origin: string
  now: number
  /** Runs the action in SQL, or another one: relay_manage. Throws RelayError, RevokedError. */
  run<T extends object>(args: Record<string, unknown>, other?: string): Promise<T>
  /** Counts a wrong key; false when there were too many from the caller's address. */
  countGuess(): Promise<boolean>
}

export interface Action {
  inputSchema: z.ZodMiniObject
  /** Answers a call whose arguments `inputSchema` has parsed. Throws RelayError. */
  handler(args: Record<string, unknown>, context: ActionContext): Promise<object>
}

/** Makes an action. Without a handler, its arguments go to SQL as they are, and SQL's answer back. */
export function defineAction<Input extends z.ZodMiniObject>(options: {
  inputSchema: Input
  handler?: (args: z.infer<Input>, context: ActionContext) => Promise<object>
}): Action {
  const { inputSchema, handler = (args, { run }) => run(args) } = options
  return { inputSchema, handler: handler as Action['handler'] }
}
