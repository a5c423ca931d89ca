/** Fields that more than one tool takes or returns, each with the description a model reads. Leaf. */
import * as z from 'zod/mini'

/** What is wrong with a text, or undefined. Characters are code points, as in JSON Schema. */
function textFault(value: string, max: number): string | undefined {
  if (value === '') return 'must not be empty'
  if (!value.isWellFormed()) {
    return 'must be well-formed Unicode; it holds half of a surrogate pair'
  }
  if (value.includes('\0')) return 'must not hold U+0000, which the database cannot store'
  // A code point is one or two units, so what is short in units needs no counting.
  const length = value.length > max ? [...value].length : value.length
  if (length > max) {
    return `must have at most ${max.toLocaleString('en')} characters, and has ${length.toLocaleString('en')}`
  }
  return undefined
}

/** One line that people read in lists: a name or a tag. */
function labelFault(value: string, max: number): string | undefined {
  const fault = textFault(value, max)
  if (fault) return fault
  if (/[\p{Cc}\u2028\u2029]/u.test(value)) return 'must not hold control characters or line breaks'
  if (/^[\s\p{Cf}]*$/u.test(value)) return 'must not be blank'
  return undefined
}

function checked(
  fault: (value: string, max: number) => string | undefined,
  max: number,
  describe: string,
) {
  return z.string().check(
    z.check(({ value, issues }) => {
      const message = fault(value, max)
      if (message) issues.push({ code: 'custom', message, input: value, path: [] })
    }),
    z.meta({ minLength: 1, maxLength: max, description: describe }),
  )
}

/** Free text of at most `max` code points. */
export const text = (max: number, describe: string) => checked(textFault, max, describe)

/** A name, tag or key: one line of at most 200 code points. */
export const label = (describe: string) => checked(labelFault, 200, describe)

/** Empty texts are taken for none: relay-mcp 0.1.0 stored such tags, and forms send them. */
const orEmpty = (fault: typeof textFault) => (value: string, max: number) =>
  value === '' ? undefined : fault(value, max)

export const tag = (describe: string) => checked(orEmpty(labelFault), 200, describe)

export const optionalTag = (describe: string) => z.optional(tag(describe))

export const optionalText = (max: number, describe: string) =>
  z.optional(checked(orEmpty(textFault), max, describe))

export const integer = (min: number, max: number, describe: string) =>
  z.int().check(z.minimum(min), z.maximum(max), z.meta({ description: describe }))

export const flag = (describe: string) => z.boolean().check(z.meta({ description: describe }))

export const surface = (describe: string) =>
  z.enum(['chat', 'cowork', 'code', 'other']).check(z.meta({ description: describe }))

/**
 * ISO 8601, RFC 3339: a date and time with a zone. Postgres itself would take "tomorrow", and refuse
 * the year 0 and zones that no place has.
 */
export const timestamp = (describe: string) =>
  z
    .string()
    .check(
      z.refine(isTimestamp, 'must be an ISO 8601 time with a zone, such as 2026-01-31T09:30:00Z'),
      z.meta({ format: 'date-time', description: describe }),
    )

function isTimestamp(value: string): boolean {
  const [, day] =
    /^(?!0000)\d{4}-\d\d-(\d\d)[Tt]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:[Zz]|[+-](?:0\d|1[0-4]):[0-5]\d)$/.exec(
      value,
    ) ?? []
  if (!day) return false
  const time = Date.parse(value.toUpperCase())
  // Date.parse() takes February 31 for March 3.
  const wallClock = Date.parse(`${value.slice(0, 10)}T00:00:00Z`)
  return !Number.isNaN(time) && new Date(wallClock).getUTCDate() === Number(day)
}

/** A place in a thread. Postgres counts further, JSON's numbers do not. */
export const seq = (describe: string) => integer(1, Number.MAX_SAFE_INTEGER, describe)

/** Results are open: a client may hold a copy of these schemas that is a day old. */
export const count = z.int()

export const Message = z.looseObject({
  id: z.string(),
  thread_id: z.string(),
  thread_name: z.optional(z.string()),
  seq: z.int().check(z.meta({ description: 'Place in the thread: 1, 2, 3 …' })),
  surface: z.string(),
  session_tag: z.nullable(z.string()),
  content: z.string(),
  // As it is, not as zod would build it anew: a key such as `__proto__` is a key like any other.
  metadata: z.custom<Record<string, unknown> | null>().check(z.meta({ type: ['object', 'null'] })),
  created_at: z.string(),
})
