/**
 * Arguments of a tool or a prompt: read leniently, parsed by its schema, or refused with sentences from
 * which a model can correct the call. Each names the argument, the rule and the fault.
 */
import type * as z from 'zod/mini'
import { RelayError } from '../errors.ts'
import { quote, resembling } from '../similar.ts'
import { narrowing } from './fields.ts'
import { jsonSchema, type Property } from './schema.ts'

export interface ParsedArguments<Schema extends z.ZodMiniObject> {
  args: z.infer<Schema>
  /** Names of arguments that mean nothing here. */
  ignored: string[]
}

/** How many unknown arguments are compared with the known ones: more are not typing mistakes. */
const MAX_COMPARED = 20

/**
 * Parses arguments. Clients blank, stringify and add arguments, and the model behind them cannot
 * correct that: so null and "" for an optional argument, and 0 where the minimum is 1, mean that it is
 * absent; texts are read as the number, boolean or object that the schema asks for; and an unknown
 * argument is ignored unless it resembles a known one. Nothing sent for "no value" may widen what a call
 * does: the text "null" means absent only for fields that do not narrow it, and a blank text is not a flag's
 * default. Throws RelayError.
 */
export function parseArguments<Schema extends z.ZodMiniObject>(
  schema: Schema,
  sent: Record<string, unknown>,
): ParsedArguments<Schema> {
  const { properties = {}, required = [] } = jsonSchema(schema)
  const known = Object.keys(properties)
  const present: Record<string, unknown> = {}
  for (const name of known) {
    const value = Object.hasOwn(sent, name) ? sent[name] : undefined
    const property = properties[name] as Property
    if (value === undefined || value === null) continue
    const isNarrowing = narrowing.has(schema.shape[name] as z.core.$ZodType)
    if (!required.includes(name) && isBlank(value, property, isNarrowing)) continue
    present[name] = coerce(value, property)
  }

  const ignored = Object.keys(sent).filter((name) => !Object.hasOwn(properties, name))
  const faults = ignored.slice(0, MAX_COMPARED).flatMap((name) => {
    const [nearest] = resembling(name.slice(0, 100), known, 1)
    if (nearest === undefined) return []
    return [`${quote(name.slice(0, 100))} is not an argument here. Did you mean ${nearest}?`]
  })
  const parsed = schema.safeParse(present)
  if (!parsed.success) faults.push(...describeIssues(parsed.error.issues, present))
  if (parsed.success && faults.length === 0) return { args: parsed.data, ignored }
  throw new RelayError('invalid_arguments', faults.join('\n'))
}

/** The values of optional arguments in clients that have to send all of them. */
function isBlank(value: unknown, { type, minimum }: Property, isNarrowing: boolean): boolean {
  if (type === 'boolean') return false
  if (value === '' || (value === 'null' && !isNarrowing)) return true
  return type === 'integer' && minimum === 1 && (value === 0 || value === '0')
}

/** A text read as the type in the schema; unchanged where it cannot be. */
function coerce(value: unknown, { type, enum: choices }: Property): unknown {
  if (typeof value !== 'string') return value
  if (choices) return choices.find((choice) => choice === value.trim().toLowerCase()) ?? value
  if (type === 'integer') return /^[+-]?\d{1,16}$/.test(value.trim()) ? Number(value) : value
  if (type === 'boolean') return BOOLEANS.get(value.trim().toLowerCase()) ?? value
  if (type !== 'object') return value
  try {
    return JSON.parse(value)
  } catch {
    return value
  }
}

const BOOLEANS = new Map([
  ['true', true],
  ['false', false],
])

/** One sentence per argument: the first rule that it broke is the one to fix. */
function describeIssues(issues: z.core.$ZodIssue[], present: Record<string, unknown>): string[] {
  const rules = new Map<string, string>()
  for (const issue of issues) {
    const name = String(issue.path[0] ?? '')
    if (!rules.has(name)) rules.set(name, `${name} ${describeRule(issue, present[name])}.`)
  }
  return [...rules.values()]
}

/** The rule that a value broke. The value itself is repeated only where it is short and plain. */
function describeRule(issue: z.core.$ZodIssue, value: unknown): string {
  if (value === undefined) return 'is required'
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${TYPES[issue.expected] ?? `of type ${issue.expected}`}, not ${show(value)}`
    case 'too_small':
      return `must be at least ${issue.minimum}, not ${show(value)}`
    case 'too_big':
      return `must be at most ${issue.maximum}, not ${show(value)}`
    case 'invalid_value':
      return `must be one of ${issue.values.join(', ')}, not ${show(value)}`
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
export function show(value: unknown): string {
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'object') return 'an object'
  return typeof value === 'string' ? quote(value.slice(0, 40)) : String(value)
}
