/** The JSON Schema of tools, which zod would make too: the relay's own is small, and must say the same. */
import { expect, test } from 'vitest'
import * as z from 'zod/mini'
import { jsonSchema } from '../../../src/tools/schema.ts'

const described = z.meta({ description: 'What it is.' })

test('every kind of schema that tools use is converted as zod converts it', () => {
  const schema = z.strictObject({
    text: z.string().check(described),
    short: z.optional(z.string().check(z.meta({ maxLength: 200 }))),
    count: z.int().check(z.minimum(1), z.maximum(500), described),
    flag: z._default(z.boolean(), false),
    surface: z.optional(z.enum(['chat', 'code'])),
    facts: z.optional(z.custom<object>().check(z.meta({ type: 'object' }))),
    open: z.looseObject({ list: z.array(z.looseObject({ seq: z.optional(z.int()) })) }),
  })
  const { $schema, ...expected } = z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
    override({ jsonSchema: part }) {
      // jsonSchema leaves this out, because it says nothing.
      if (part.minimum === Number.MIN_SAFE_INTEGER) delete part.minimum
      if (part.maximum === Number.MAX_SAFE_INTEGER) delete part.maximum
      if (typeof part.additionalProperties === 'object') delete part.additionalProperties
    },
  })
  expect(jsonSchema(schema)).toEqual(expected)
})

test('an unknown kind is an error, not an empty schema', () => {
  expect(() => jsonSchema(z.strictObject({ when: z.date() }))).toThrow('No JSON Schema for date')
})
