import { expect, test } from 'vitest'
import * as z from 'zod/mini'
import { RelayError } from '../../../src/errors.ts'
import { parseArguments } from '../../../src/tools/arguments.ts'
import { integer, label, optionalTag, surface, text, timestamp } from '../../../src/tools/fields.ts'

const Schema = z.strictObject({
  thread_name: label('name'),
  content: text(10, 'content'),
  surface: surface('surface'),
  limit: z._default(integer(1, 500, 'limit'), 50),
  since: z.optional(timestamp('since')),
  session_tag: optionalTag('tag'),
})

const GOOD = { thread_name: 'release', content: 'hi', surface: 'code' }

const refusal = (args: Record<string, unknown>) => {
  try {
    parseArguments(Schema, args)
  } catch (error) {
    if (error instanceof RelayError) return error.message
    throw error
  }
  return undefined
}

test('null for an optional argument means left out', () => {
  const parsed = parseArguments(Schema, { ...GOOD, limit: null, since: null, session_tag: null })
  expect(parsed).toEqual({ ...GOOD, limit: 50 })
})

test('characters are code points', () => {
  expect(refusal({ ...GOOD, content: '😀'.repeat(10) })).toBeUndefined()
  expect(refusal({ ...GOOD, content: '😀'.repeat(11) })).toContain('content must have at most 10')
})

test.each([['a,b'], ['x"y'], ['..'], ['emoji 🚀'], ['é'.normalize('NFD')], ['constructor']])(
  '%j is a good name',
  (thread_name) => {
    expect(refusal({ ...GOOD, thread_name })).toBeUndefined()
  },
)

test.each([
  ['a missing argument', { thread_name: undefined }, 'thread_name is required'],
  ['null for a required one', { content: null }, 'content is required'],
  ['an empty text', { content: '' }, 'content must not be empty'],
  ['a wrong type', { content: 7 }, 'content must be a string, not 7'],
  ['an array', { content: ['hi'] }, 'content must be a string, not an array'],
  [
    'a wrong choice',
    { surface: 'web' },
    'surface must be one of chat, cowork, code, other, not "web"',
  ],
  ['too small a number', { limit: 0 }, 'limit must be at least 1, not 0'],
  ['too large a number', { limit: 501 }, 'limit must be at most 500, not 501'],
  ['half a number', { limit: 1.5 }, 'limit must be a whole number, not 1.5'],
  ['a number as text', { limit: '5' }, 'limit must be a whole number, not "5"'],
  ['half a surrogate pair', { content: 'a\ud800b' }, 'content must be well-formed Unicode'],
  ['U+0000', { content: 'a\0b' }, 'content must not hold U+0000'],
  ['a line break in a name', { thread_name: 'a\nb' }, 'thread_name must not hold control'],
  ['a name that cannot be seen', { thread_name: '\u200b\u2060' }, 'thread_name must not be blank'],
  ['a number beyond all', { limit: 2 ** 63 }, 'limit must be at most 9007199254740991'],
  ['a blank name', { thread_name: ' \u3000' }, 'thread_name must not be blank'],
  [
    'a long name',
    { thread_name: 'x'.repeat(201) },
    'thread_name must have at most 200 characters, and has 201',
  ],
  ['a time in words', { since: 'tomorrow' }, 'since must be an ISO 8601 time'],
  ['a time without a zone', { since: '2026-01-31T09:30:00' }, 'since must be an ISO 8601 time'],
  ['a zone that is not', { since: '2026-01-31T09:30:00+16:00' }, 'since must be an ISO 8601 time'],
  ['the year 0', { since: '0000-01-31T09:30:00Z' }, 'since must be an ISO 8601 time'],
  ['a day that is not', { since: '2026-02-31T09:30:00Z' }, 'since must be an ISO 8601 time'],
  ['a near name', { thread: 'x' }, '"thread" is not an argument here. Did you mean thread_name?'],
  ['a polluting name', JSON.parse('{"__proto__": {"limit": 1}}'), '"__proto__" is not an argument'],
])('%s is refused in a sentence that names it', (_, args, sentence) => {
  expect(refusal({ ...GOOD, ...args })).toContain(sentence)
})

test('every fault is named at once', () => {
  const message = refusal({ content: '', limit: 0, to: 'chat' })
  expect(message?.split('\n')).toHaveLength(5)
})

test.each([['2026-01-31T09:30:00Z'], ['2026-01-31t09:30:00.123456+05:30'], ['2024-02-29T00:00Z']])(
  '%s is a time',
  (since) => {
    expect(refusal({ ...GOOD, since })).toBeUndefined()
  },
)
