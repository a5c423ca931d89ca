/** Fields that more than one tool takes or returns, each with the description a model reads. Leaf. */
import * as z from 'zod/mini'
import { completeTime, isTime } from './time.ts'

/** The fault of a text, or undefined. Characters are code points, as in JSON Schema. */
function textFault(value: string, max: number): string | undefined {
  if (value === '') return 'must not be empty'
  if (!value.isWellFormed()) {
    return 'must be well-formed Unicode; it has half of a surrogate pair'
  }
  if (value.includes('\0')) return 'must not contain U+0000, which the database cannot store'
  // A code point is one or two units, so a text short in units needs no counting.
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
  if (value === 'null') return NOT_NULL
  if (/[\p{Cc}\u2028\u2029]/u.test(value)) {
    return 'must not contain control characters or line breaks'
  }
  if (/^\s*$/u.test(value)) return 'must not be blank'
  const [invisible] = value.replaceAll(JOINED, '').match(INVISIBLE) ?? []
  if (invisible) {
    const codePoint = invisible.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0')
    return `must not contain invisible characters, and has U+${codePoint}`
  }
  return undefined
}

/** "null" as a text cannot be told from a client's way to send no value. */
const NOT_NULL = 'must not be "null", which clients send for no value'

/** Invisible characters, with which one name could be made to look like another. */
const INVISIBLE = /[\p{Default_Ignorable_Code_Point}\u2800]/u

/** Joiners and variation selectors where they belong: inside emoji, and in scripts that need them. */
const NEEDS_JOINERS =
  '[\\p{Script=Arabic}\\p{Script=Syriac}\\p{Script=Devanagari}\\p{Script=Bengali}\\p{Script=Gurmukhi}' +
  '\\p{Script=Gujarati}\\p{Script=Oriya}\\p{Script=Tamil}\\p{Script=Telugu}\\p{Script=Kannada}' +
  '\\p{Script=Malayalam}\\p{Script=Sinhala}\\p{Script=Khmer}\\p{Script=Mongolian}]'
const JOINED = new RegExp(
  `(?<=${NEEDS_JOINERS})[\\u200c\\u200d](?=${NEEDS_JOINERS})` +
    '|(?<=[\\p{Extended_Pictographic}\\p{Emoji_Modifier}\\ufe0f])\\u200d(?=\\p{Extended_Pictographic})' +
    '|(?<=\\p{Emoji})[\\ufe0e\\ufe0f]',
  'gu',
)

/**
 * JSON Schema for a text. Lengths of 2,000 and more break llama.cpp's grammar compiler, and a least
 * length would make strict clients refuse the empty text that the server takes for none.
 */
const textSchema = (max: number, describe: string) => ({
  ...(max < 2000 && { maxLength: max }),
  description: describe,
})

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
    z.meta(textSchema(max, describe)),
  )
}

/** Free text of at most `max` code points. */
export const text = (max: number, describe: string) => checked(textFault, max, describe)

export const optionalText = (max: number, describe: string) => z.optional(text(max, describe))

/**
 * UTF-16 units up to which a label is normalized: ten times a good one's. Normalizing takes
 * quadratic time in a run of combining marks.
 */
const MAX_NORMALIZED = 2_000

/** A name, tag or key: one line of at most 200 code points, in Unicode's form NFC. */
export const label = (describe: string) =>
  z.string().check(
    z.overwrite((value) => (value.length > MAX_NORMALIZED ? value : value.normalize('NFC'))),
    z.check(({ value, issues }) => {
      const message = labelFault(value, 200)
      if (message) issues.push({ code: 'custom', message, input: value, path: [] })
    }),
    z.meta(textSchema(200, describe)),
  )

export const optionalLabel = (describe: string) => z.optional(label(describe))

/** Text to search for, of at most `max` code points. */
export const optionalQuery = (max: number, describe: string) =>
  narrow(
    z.optional(
      checked(
        (value) => textFault(value, max) ?? (value === 'null' ? NOT_NULL : undefined),
        max,
        describe,
      ),
    ),
  )

/** Optional fields that narrow the effect of a call: the text "null" is not taken for their absence. */
export const narrowing = new WeakSet<z.core.$ZodType>()

/** Marks an optional field as one that narrows the effect of a call. */
export function narrow<Field extends z.core.$ZodType>(field: Field): Field {
  narrowing.add(field)
  return field
}

export const integer = (min: number, max: number, describe: string) =>
  z.int().check(z.minimum(min), z.maximum(max), z.meta({ description: describe }))

export const flag = (describe: string) => z.boolean().check(z.meta({ description: describe }))

export const surface = (describe: string) =>
  z.enum(['chat', 'cowork', 'code', 'other']).check(z.meta({ description: describe }))

/** A date or time in ISO 8601, completed to one with a zone: UTC. */
export const time = (describe: string) => timeIn('Z', describe)

/** The same in the zone in which it is earliest, where a later time would pass over messages. */
export const earliestTime = (describe: string) => timeIn('+14:00', describe)

const timeIn = (zone: string, describe: string) =>
  z.string().check(
    z.overwrite((value) => completeTime(value, zone)),
    z.refine(isTime, 'must be an ISO 8601 date or time, such as 2026-01-31T09:30:00Z'),
    z.meta({ description: describe }),
  )

/** A position in the messages of all threads, as an answer gave it. */
export const place = (describe: string) =>
  z.string().check(
    z.refine((value) => {
      const [time = '', id = '', ...rest] = value.split('/')
      return isTime(time) && UUID.test(id) && rest.length === 0
    }, 'must be the next_before of an answer'),
    z.meta({ description: describe }),
  )

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/

/** A position in a thread. Postgres counts further than JSON's numbers do. */
export const seq = (describe: string) => integer(1, Number.MAX_SAFE_INTEGER, describe)

/** Results are open: a client may hold a copy of these schemas that is a day old. */
export const count = z.int()

/** A message, as far as output schemas describe it. */
export const MessageSummary = z.looseObject({ seq: z.int(), content: z.string() })
