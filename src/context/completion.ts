/** Completion of thread names, in the prompts and in the URI of a thread. */
import * as z from 'zod/mini'
import { RelayError } from '../errors.ts'
import type { ToolContext } from '../tools/tool.ts'
import { findPrompt } from './prompts.ts'
import { isStorable, THREAD_TEMPLATE } from './resources.ts'

const Params = z.looseObject({
  ref: z.looseObject({
    type: z.string(),
    name: z.optional(z.string()),
    uri: z.optional(z.string()),
  }),
  argument: z.looseObject({ name: z.string(), value: z.string() }),
  context: z.optional(z.looseObject({ arguments: z.optional(z.looseObject({})) })),
})

/** completion/complete. Arguments filled in before say nothing about a thread's name. */
export async function complete(
  params: Record<string, unknown>,
  { db }: ToolContext,
): Promise<Record<string, unknown>> {
  const parsed = Params.safeParse(params)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw new RelayError('invalid_params', `${issue?.path.join('.')} is missing or malformed.`)
  }
  const { ref, argument } = parsed.data
  const names = argumentNames(ref)
  if (!names.includes(argument.name)) {
    throw new RelayError('invalid_params', `argument.name must be one of ${names.join(', ')}.`)
  }
  // Only threads are offered, and text that the database cannot hold is not part of any name.
  const { value } = argument
  if (argument.name !== names[0] || (value !== '' && !isStorable(value))) {
    return { completion: { values: [], total: 0, hasMore: false } }
  }
  const { values, total } = await db.call<{ values: string[]; total: number }>(
    'relay_complete_name',
    { value },
    { retry: true },
  )
  return { completion: { values, total, hasMore: total > values.length } }
}

/** The names that can be filled in, the thread's first. Throws RelayError. */
function argumentNames({ type, name, uri }: z.infer<typeof Params>['ref']): string[] {
  if (type === 'ref/prompt' && name !== undefined) return findPrompt(name).argumentNames
  if (type === 'ref/resource' && uri === THREAD_TEMPLATE) return ['name']
  throw new RelayError(
    'invalid_params',
    `ref must be that of a prompt, or of the resource template ${THREAD_TEMPLATE}.`,
  )
}
