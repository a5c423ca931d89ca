/**
 * What the SQL functions return, checked against a zod schema but not by zod: where no code may be
 * generated, as in a Worker, zod copies and checks 50 messages in the time of all the rest of a call.
 * Knows the kinds of schema that answers use. zod checks everything else, and says what is wrong. Leaf.
 */
import * as z from 'zod/mini'

/** The schema behind each one that withoutNulls() has made. */
const inner = new WeakMap<z.core.$ZodType, z.core.$ZodType>()

/**
 * A schema for what a SQL function returns: it leaves out the fields that are null, which in an answer
 * is to say that there is nothing to say.
 */
export function withoutNulls<Schema extends z.ZodMiniObject>(schema: Schema) {
  const piped = z.pipe(z.transform(stripNulls), schema)
  inner.set(piped, schema)
  return piped
}

function stripNulls(value: unknown): unknown {
  return isObject(value)
    ? Object.fromEntries(Object.entries(value).filter(([, field]) => field !== null))
    : value
}

/** Reads an answer as it came, without nulls if the schema says so; undefined if only zod can judge it. */
export function readPlainly<T>(schema: z.ZodMiniType<T>, value: unknown): T | undefined {
  const plain = inner.get(schema)
  const answer = plain ? stripNulls(value) : value
  return checkOf(plain ?? schema)(answer) ? (answer as T) : undefined
}

type Check = (value: unknown) => boolean

const checks = new WeakMap<z.core.$ZodType, Check>()

function checkOf(schema: z.core.$ZodType): Check {
  const check = checks.get(schema) ?? makeCheck(schema)
  checks.set(schema, check)
  return check
}

function makeCheck(schema: z.core.$ZodType): Check {
  const { def } = (schema as z.core.$ZodTypes)._zod
  switch (def.type) {
    case 'string':
    case 'boolean':
      return (value) => typeof value === def.type
    case 'number':
      return Number.isSafeInteger
    case 'custom':
      return () => true
    case 'optional': {
      const check = makeCheck(def.innerType)
      return (value) => value === undefined || check(value)
    }
    case 'nullable': {
      const check = makeCheck(def.innerType)
      return (value) => value === null || check(value)
    }
    case 'array': {
      const check = makeCheck(def.element)
      return (value) => Array.isArray(value) && value.every(check)
    }
    case 'object': {
      // zod would leave out what a schema that is not open does not name.
      if (def.catchall?._zod.def.type !== 'unknown') return () => false
      const fields = Object.entries(def.shape).map(
        ([name, field]) => [name, makeCheck(field)] as const,
      )
      return (value) => isObject(value) && fields.every(([name, check]) => check(value[name]))
    }
    default:
      return () => false
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
