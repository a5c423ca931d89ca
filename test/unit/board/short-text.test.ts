/** The parts of a message that the board shows by themselves: its question, what it names, the lines of a diff, a face. */
import { expect, test } from 'vitest'
import { readDiff } from '../../../board/text/diff.ts'
import { initialsOf } from '../../../board/text/initials.ts'
import { readQuestion } from '../../../board/text/question.ts'
import { findReferences } from '../../../board/text/references.ts'
import { formatWait } from '../../../board/text/time.ts'
import { plainLine } from '../../../board/text/words.ts'

const LONG = 'A report of the night. '.repeat(20)

test.each([
  ['a short one is whole', 'Shall I **go**?', { text: 'Shall I go?' }],
  [
    'with the first line of its code',
    'Drop it?\n\n```sql\n\n  drop index a;\nselect 1;\n```\n\nI wait.',
    { text: 'Drop it? I wait.', code: 'drop index a;' },
  ],
  ['of a long one, the last that asks', `${LONG}\n\nMay I?\n\nOr `, { text: 'May I?' }],
  ['not what only looks like a question', `${LONG}\n\nhttps://a.example/?q=1`, undefined],
  ['a fence that does not end', 'See\n```\nrm -rf', { text: 'See', code: 'rm -rf' }],
])('the question of a message: %s', (_, content, expected) => {
  const question = readQuestion(content)
  if (expected) expect(question).toEqual(expected)
  else expect(question.text.startsWith('A report of the night.')).toBe(true)
})

test.each([
  ['see #62.', ['see ', { text: '#62', seq: 62 }, '.']],
  ['plan-b#7', [{ text: 'plan-b#7', thread: 'plan-b', seq: 7 }]],
  ['PR #62, issue #3', ['PR #62, issue #3']],
  ['a#b #0 #12a &#35; x##4', ['a#b #0 #12a &#35; x##4']],
])('%j names these messages', (text, expected) => {
  expect(findReferences(text)).toEqual(expected)
})

test('a diff is read by its language or its look, and by nothing else', () => {
  expect(readDiff('@@ -1 +1 @@\n-a\n+b\n c', 'diff')).toEqual([
    { text: '@@ -1 +1 @@', kind: 'hunk' },
    { text: '-a', kind: 'del' },
    { text: '+b', kind: 'add' },
    { text: ' c' },
  ])
  expect(readDiff('@@ -1 +1 @@\n-a', '')).toHaveLength(2)
  expect(readDiff('- a\n+ b', '')).toBeUndefined()
  expect(readDiff('@@ -1 +1 @@\n-a', 'ts')).toBeUndefined()
  expect(readDiff('+\n'.repeat(3_000), 'diff')).toBeUndefined()
})

test.each([
  ['laptop-code', 'LC'],
  ['nightly', 'Ni'],
  ['日本 語', '日語'],
  ['-', ''],
])('the face of %s is %s', (name, letters) => {
  expect(initialsOf(name)).toBe(letters)
})

test.each([
  [30_000, '1 minute'],
  [119 * 60_000, '119 minutes'],
  [26 * 3_600_000, '26 hours'],
  [3 * 86_400_000, '3 days'],
])('%d ms are %s', (age, text) => {
  expect(formatWait(new Date(1e12 - age).toISOString(), 1e12)).toBe(text)
})

test('an excerpt whose lines the relay has folded loses its Markdown too', () => {
  expect(plainLine('Live 145 - [ ] a - [x] b ```ts const c ```')).toBe('Live 145 a b const c')
})
