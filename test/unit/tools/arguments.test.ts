/** Reading arguments: habits of clients are accepted, faults that a model can correct are refused. */
import { expect, test } from 'vitest'
import * as z from 'zod/mini'
import { RelayError } from '../../../src/errors.ts'
import { parseArguments } from '../../../src/tools/arguments.ts'
import {
  flag,
  integer,
  label,
  narrow,
  optionalLabel,
  optionalQuery,
  surface,
  text,
  time,
} from '../../../src/tools/fields.ts'
import { metadata } from '../../../src/tools/metadata.ts'

const Schema = z.strictObject({
  thread_name: label('name'),
  content: text(10, 'content'),
  surface: surface('surface'),
  limit: z._default(integer(1, 500, 'limit'), 50),
  wait_seconds: z._default(integer(0, 45, 'wait'), 0),
  peek: z._default(flag('peek'), false),
  since: z.optional(time('since')),
  session_tag: optionalLabel('tag'),
  metadata: z.optional(metadata),
  to: narrow(optionalLabel('to')),
  query: optionalQuery(10, 'query'),
})

const GOOD = { thread_name: 'release', content: 'hi', surface: 'code' }
const DEFAULTS = { limit: 50, wait_seconds: 0, peek: false }

const parse = (args: object) => parseArguments(Schema, { ...GOOD, ...args })

const refusal = (args: Record<string, unknown>) => {
  try {
    parseArguments(Schema, args)
  } catch (error) {
    if (error instanceof RelayError) return error.message
    throw error
  }
  return undefined
}

test.each([
  ['null', null],
  ['an empty text', ''],
  ['the text null', 'null'],
])('%s for an optional argument means that it is absent', (_, blank) => {
  const args = { limit: blank, since: blank, session_tag: blank, metadata: blank }
  expect(parse(args).args).toEqual({ ...GOOD, ...DEFAULTS })
})

test.each([null, ''])(
  '%j for an argument that narrows the call means that it is absent',
  (blank) => {
    expect(parse({ to: blank, query: blank }).args).toEqual({ ...GOOD, ...DEFAULTS })
  },
)

test.each(['thread_name', 'to', 'query'])('%s must not be the text null', (name) => {
  expect(refusal({ ...GOOD, [name]: 'null' })).toContain(`${name} must not be "null"`)
})

test.each(['', 'null', ' '])(
  'a flag sent as the text %j is refused, not set to its default',
  (blank) => {
    expect(refusal({ ...GOOD, peek: blank })).toContain('peek must be true or false')
  },
)

test('0 means absent where the minimum is 1, and 0 where it is 0', () => {
  expect(parse({ limit: 0, wait_seconds: 0 }).args).toMatchObject({ limit: 50, wait_seconds: 0 })
  expect(parse({ limit: '0' }).args).toMatchObject({ limit: 50 })
})

test.each([
  [{ limit: '50' }, { limit: 50 }],
  [{ limit: ' 7 ' }, { limit: 7 }],
  [{ surface: ' Code' }, { surface: 'code' }],
  [{ peek: 'true' }, { peek: true }],
  [{ peek: 'False' }, { peek: false }],
  [{ metadata: '{"branch":"x"}' }, { metadata: { branch: 'x' } }],
  [{ since: '2026-01-31' }, { since: '2026-01-31T00:00:00Z' }],
  [{ since: '2026-01-31T09:30:00' }, { since: '2026-01-31T09:30:00Z' }],
  [{ since: '2026-01-31 09:30' }, { since: '2026-01-31T09:30Z' }],
  [{ since: '2026-01-31T09:30:00+0530' }, { since: '2026-01-31T09:30:00+05:30' }],
  [{ since: '2026-01-31t09:30:00.5z' }, { since: '2026-01-31T09:30:00.5Z' }],
  [{ since: '2026-01-31T09:30:00-08' }, { since: '2026-01-31T09:30:00-08:00' }],
  [{ thread_name: 'cafe\u0301' }, { thread_name: 'caf\u00e9' }],
])('%j is read as %j', (sent, read) => {
  expect(parse(sent).args).toEqual({ ...GOOD, ...DEFAULTS, ...read })
})

test('arguments that mean nothing here are ignored and named', () => {
  const added = { toolCallId: 'c1', sessionId: 's', _meta: {}, random_string: 'x' }
  expect(parse(added)).toEqual({ args: { ...GOOD, ...DEFAULTS }, ignored: Object.keys(added) })
})

test('100,000 unknown arguments cost no more than reading their names', () => {
  const many = Object.fromEntries(Array.from({ length: 100_000 }, (_, n) => [`threadname${n}`, n]))
  expect(refusal({ ...GOOD, ...many })?.split('\n')).toHaveLength(20)
})

test('a run of combining marks is refused by its length before it is normalized', () => {
  // Half a megabyte of marks in the order that takes longest: normalizing them takes minutes.
  const marks = `a${'\u0301'.repeat(250_000)}${'\u0316'.repeat(250_000)}`
  expect(refusal({ ...GOOD, thread_name: marks })).toContain('at most 200 characters')
})

test('characters are code points', () => {
  expect(refusal({ ...GOOD, content: '😀'.repeat(10) })).toBeUndefined()
  expect(refusal({ ...GOOD, content: '😀'.repeat(11) })).toContain('content must have at most 10')
})

test.each([
  ['a,b'],
  ['x"y'],
  ['..'],
  ['emoji 🚀'],
  ['👩‍💻 team'],
  ['❤️ heart'],
  ['👩🏽‍🚀'],
  ['é'.normalize('NFD')],
  ['می‌خواهم'],
  ['क्‍ष'],
  ['constructor'],
])('%j is a good name', (thread_name) => {
  expect(refusal({ ...GOOD, thread_name })).toBeUndefined()
})

test.each([
  ['a zero-width space', 'rel\u200bease', 'U+200B'],
  ['a joiner between Latin letters', 'rel\u200dease', 'U+200D'],
  ['a soft hyphen', 'rel\u00adease', 'U+00AD'],
  ['an override of direction', 'rel\u202eease', 'U+202E'],
  ['a byte order mark', 'rel\ufeffease', 'U+FEFF'],
  ['a filler', 'release\u3164', 'U+3164'],
  ['a variation selector', 'release\ufe00', 'U+FE00'],
  ['a tag character', 'release\u{e0041}', 'U+E0041'],
  ['an empty Braille cell', 'release\u2800', 'U+2800'],
])('a name with %s is refused', (_, thread_name, codePoint) => {
  expect(refusal({ ...GOOD, thread_name })).toContain(
    `thread_name must not contain invisible characters, and has ${codePoint}`,
  )
})

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
  ['too small a number', { limit: -1 }, 'limit must be at least 1, not -1'],
  ['a blank text', { content: '' }, 'content must not be empty'],
  ['too large a number', { limit: 501 }, 'limit must be at most 500, not 501'],
  ['half a number', { limit: 1.5 }, 'limit must be a whole number, not 1.5'],
  ['words for a number', { limit: 'five' }, 'limit must be a whole number, not "five"'],
  ['words for a boolean', { peek: 'yes' }, 'peek must be true or false, not "yes"'],
  ['words for an object', { metadata: 'x' }, 'metadata must be a JSON object, not "x"'],
  ['half a surrogate pair', { content: 'a\ud800b' }, 'content must be well-formed Unicode'],
  ['U+0000', { content: 'a\0b' }, 'content must not contain U+0000'],
  ['a line break in a name', { thread_name: 'a\nb' }, 'thread_name must not contain control'],
  ['a number beyond all', { limit: 2 ** 63 }, 'limit must be at most 9007199254740991'],
  ['a blank name', { thread_name: ' \u3000' }, 'thread_name must not be blank'],
  [
    'a long name',
    { thread_name: 'x'.repeat(201) },
    'thread_name must have at most 200 characters, and has 201',
  ],
  ['a time in words', { since: 'tomorrow' }, 'since must be an ISO 8601 date or time'],
  [
    'a zone that is not',
    { since: '2026-01-31T09:30:00+16:00' },
    'since must be an ISO 8601 date or time',
  ],
  ['the year 0', { since: '0000-01-31T09:30:00Z' }, 'since must be an ISO 8601 date or time'],
  [
    'a day that is not',
    { since: '2026-02-31T09:30:00Z' },
    'since must be an ISO 8601 date or time',
  ],
  ['a near name', { thread: 'x' }, '"thread" is not an argument here. Did you mean thread_name?'],
])('%s is refused in a sentence that names it', (_, args, sentence) => {
  expect(refusal({ ...GOOD, ...args })).toContain(sentence)
})

test('every fault is named at once', () => {
  const message = refusal({ content: '', limit: -1, session_tg: 'x' })
  expect(message?.split('\n')).toHaveLength(5)
})
