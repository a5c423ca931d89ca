/**
 * Arguments of a tool or a prompt: parsed by its schema, or refused with sentences from which a model
 * can mend the call. Each names the argument, the rule and what was wrong.
 */
import type * as z from 'zod/mini'
import { RelayError } from '../errors.ts'
import { closest, quoted } from '../similar.ts'

/** Parses arguments; a null one is left out, as models send it. Throws RelayError. */
export function parseArguments<Schema extends z.ZodMiniObject>(
  schema: Schema,
  args: Record<string, unknown>,
): z.infer<Schema> {
  const known = Object.keys(schema.shape)
  const present = Object.fromEntries(Object.entries(args).filter(([, value]) => value !== null))
  const faults = Object.keys(present)
    .filter((name) => !known.includes(name))
    .map((name) => {
      const [nearest = ''] = closest(name, known, 1)
      return `${quoted(name.slice(0, 100))} is not an argument here. Did you mean ${nearest}?`
    })
  const parsed = schema.safeParse(present)
  if (parsed.success) return parsed.data
  const told = new Set<string>()
  for (const issue of parsed.error.issues) {
    const name = String(issue.path[0] ?? '')
    // One rule for each argument: the first that it broke is the one to mend.
    if (name === '' || told.has(name)) continue
    told.add(name)
    faults.push(`${name} ${rule(issue, present[name])}.`)
  }
  throw new RelayError('invalid_arguments', faults.join('\n'))
}

/** The rule that a value broke. The value itself is repeated only where it is short and plain. */
function rule(issue: z.core.$ZodIssue, value: unknown): string {
  if (value === undefined) return 'is required'
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${TYPES[issue.expected] ?? `of type ${issue.expected}`}, not ${shown(value)}`
    case 'too_small':
      return `must be at least ${issue.minimum}, not ${shown(value)}`
    case 'too_big':
      return `must be at most ${issue.maximum}, not ${shown(value)}`
    case 'invalid_value':
      return `must be one of ${issue.values.join(', ')}, not ${shown(value)}`
    default:
      return issue.message
  }
}

const TYPES: Record<string, string> = {
  string: 'a string',
  int: 'a whole number',
  number: 'a whole number',
  boolean: 'true or false',
}

/** A value in a sentence. */
export function shown(value: unknown): string {
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'object') return 'an object'
  return typeof value === 'string' ? quoted(value.slice(0, 40)) : String(value)
}
