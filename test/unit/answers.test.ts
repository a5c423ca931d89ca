import { describe, expect, test } from 'vitest'
import * as z from 'zod/mini'
import { readPlainly, withoutNulls } from '../../src/answers.ts'

const Stored = withoutNulls(
  z.looseObject({
    name: z.string(),
    count: z.optional(z.int()),
    messages: z.array(z.looseObject({ seq: z.int(), tag: z.optional(z.nullable(z.string())) })),
  }),
)

describe('an answer of the database', () => {
  test('is read as zod would read it', () => {
    const sent = {
      name: 'a',
      count: null,
      new_field: 1,
      messages: [{ seq: 1, tag: null, extra: [] }],
    }
    const read = { name: 'a', new_field: 1, messages: [{ seq: 1, tag: null, extra: [] }] }
    expect(readPlainly(Stored, sent)).toEqual(read)
    expect(z.parse(Stored, sent)).toEqual(read)
  })

  test.each([
    ['no object', 'text'],
    ['nothing', null],
    ['an array', []],
    ['a missing field', { messages: [] }],
    ['null for a field that must be there', { name: null, messages: [] }],
    ['another type', { name: 1, messages: [] }],
    ['a fraction', { name: 'a', count: 1.5, messages: [] }],
    ['a number that a double cannot hold', { name: 'a', count: 2 ** 53, messages: [] }],
    ['a fault in a nested object', { name: 'a', messages: [{ seq: 1 }, { seq: '2' }] }],
    ['an array of something else', { name: 'a', messages: [null] }],
  ])('is left to zod, which refuses it: %s', (_, sent) => {
    expect(readPlainly(Stored, sent)).toBeUndefined()
    expect(z.safeParse(Stored, sent).success).toBe(false)
  })

  test('is left to zod where the schema would change it', () => {
    expect(readPlainly(z.object({ name: z.string() }), { name: 'a', more: 1 })).toBeUndefined()
    expect(readPlainly(z.union([z.string(), z.int()]), 'a')).toBeUndefined()
  })
})
