/** How the board reads Markdown: its tokens, and that no text keeps it busy. */
import * as fc from 'fast-check'
import type { Token, Tokens } from 'marked'
import { expect, test } from 'vitest'
import { type DetailsToken, readMarkdown } from '../../../board/text/markdown.ts'
import { HOSTILE_MARKDOWN } from './hostile-markdown.ts'

/** A clock on which each look takes that many milliseconds. */
function ticking(milliseconds: number): () => number {
  let time = 0
  return () => {
    time += milliseconds
    return time
  }
}

const still = () => 0

const typesOf = (text: string) => readMarkdown(text, still).map(({ type }) => type)

const rawOf = (tokens: Token[]) => tokens.map(({ raw }) => raw).join('')

// Work that doubled or squared with each level would take minutes; a busy machine does not.
test.each(Object.entries(HOSTILE_MARKDOWN))(
  '%s ends, and nothing of it is lost',
  (_, text) => {
    expect(rawOf(readMarkdown(text))).toBe(text)
  },
  20_000,
)

test('marks in any order end, and nothing of them is lost', () => {
  const marks = ['> ', '>', '- ', '1. ', '*', '**', '_', '[', '](', ')', '`', '\\', '|', '<', '</']
  const piece = fc.constantFrom(...marks, '<details>', '~~', '#', '\n', '\n\n', ' ', '  ', 'a')
  const repeated = fc
    .tuple(fc.array(piece, { minLength: 1, maxLength: 12 }), fc.integer({ min: 1, max: 2_000 }))
    .map(([pieces, count]) => pieces.join('').repeat(count).slice(0, 100_000))
  fc.assert(
    fc.property(repeated, (text) => {
      expect(rawOf(readMarkdown(text))).toHaveLength(text.length)
    }),
    { numRuns: 60 },
  )
})

test('where its time ends, the rest of a text is shown as it is', () => {
  const text = `${'word '.repeat(100)}\n\n`.repeat(200)
  const tokens = readMarkdown(text, ticking(1))
  expect(tokens[0]?.type).toBe('paragraph')
  expect(tokens.at(-1)?.type).toBe('plain')
  expect(rawOf(tokens)).toBe(text)
})

test('a short text keeps its form on a machine that pauses', () => {
  const tokens = readMarkdown('A **word**, and:\n\n- one\n- two\n'.repeat(10), ticking(60_000))
  expect(tokens.some(({ type }) => type === 'plain')).toBe(false)
})

test('no clock is needed to end a text with too much to draw', () => {
  for (const text of [
    '# a\n'.repeat(25_000),
    `|${'a|'.repeat(99)}\n|${'-|'.repeat(99)}\n${'|\n'.repeat(5_000)}`,
  ]) {
    expect(readMarkdown(text, still).at(-1)?.type).toBe('plain')
  }
})

test('a long text is read in parts, and none of them ends within a fence', () => {
  const block = `Words.\n\n\`\`\`\n${'code\n\n'.repeat(700)}\`\`\`\n\n`
  const tokens = readMarkdown(block.repeat(12), still)
  expect(tokens.filter(({ type }) => type === 'code')).toHaveLength(12)
  expect(tokens.filter(({ type }) => type === 'paragraph')).toHaveLength(12)
  expect(rawOf(tokens)).toBe(block.repeat(12))
})

test.each([
  ['-'.repeat(30), ['hr']],
  ['*'.repeat(60), ['hr']],
  [`Title\n${'-'.repeat(40)}`, ['heading']],
  [`${'> '.repeat(9)}a`, ['blockquote']],
])('%j is read as it looks', (text, types) => {
  expect(typesOf(text)).toEqual(types)
})

test.each([
  [
    'a fence of Markdown has fences inside',
    '```md\n```ts\nx\n```\n```\ntail',
    'md',
    '```ts\nx\n```',
    'tail',
  ],
  [
    'so has one of tildes',
    '~~~markdown\n~~~ts\nx\n~~~\n~~~\ntail',
    'markdown',
    '~~~ts\nx\n~~~',
    'tail',
  ],
  [
    'a longer fence has fences inside',
    '````\n```ts\nx\n```\n````\ntail',
    '',
    '```ts\nx\n```',
    'tail',
  ],
  [
    'one without others ends where it ends',
    '```md\n# a\n```\ntail\n\n```ts\nx\n```',
    'md',
    '# a',
    'tail',
  ],
])('%s', (_, text, language, content, after) => {
  const tokens = readMarkdown(text, still)
  expect(tokens[0]).toMatchObject({ type: 'code', lang: language, text: content })
  expect(tokens[1]).toMatchObject({ type: 'paragraph', text: after })
})

test('a fence of Markdown that never ends with its own marks ends as in CommonMark', () => {
  expect(typesOf('```md\n```ts\nx\n```\ntail')).toEqual(['code', 'paragraph'])
})

test('details hold blocks, and their summary spans', () => {
  const [details, tail] = readMarkdown(
    '<details>\n<summary>Log of **it**</summary>\n\n> - a\n\n<details>\ninner\n</details>\n</details>\ntail',
    still,
  )
  const { type, summary, tokens } = details as unknown as DetailsToken
  expect(type).toBe('details')
  expect(summary.map((each) => each.type)).toEqual(['text', 'strong'])
  expect(tokens.map((each) => each.type)).toEqual(['blockquote', 'space', 'details'])
  expect(tail).toMatchObject({ type: 'paragraph', text: 'tail' })
  expect(typesOf('<details>\n<summary>never ends</summary>')).toEqual(['html'])
})

test('an item after a list inside a list keeps its number', () => {
  const lists = readMarkdown('1. a\n  - b\n2. c\n3. d', still) as Tokens.List[]
  expect(lists.map(({ ordered, start }) => [ordered, start])).toEqual([
    [true, 1],
    [false, ''],
    [true, 2],
  ])
})

const strong = (text: string) => {
  const [block] = readMarkdown(text, still) as Tokens.Paragraph[]
  return block?.tokens
    .filter(({ type }) => type === 'strong' || type === 'em')
    .map(({ raw }) => raw)
}

test.each([
  ['**注意：**正文', ['**注意：**']],
  ['含**「重点」**内容', ['**「重点」**']],
  ['这是**“引号”**后面', ['**“引号”**']],
  ['使用**(括号)**说明', ['**(括号)**']],
  ['これは**重要です。**次', ['**重要です。**']],
  ['*注意：*正文', ['*注意：*']],
  ['**이것은(중요)**입니다', ['**이것은(중요)**']],
  ['2 * 3 和 4 * 5', []],
  ['**bold**text and a*b*c', ['**bold**', '*b*']],
  ['foo **"bar"** baz, (**x**)', ['**"bar"**', '**x**']],
  ['a**"b"**c', []],
  ['** not bold **', []],
  ['snake_case_name and __init__', []],
])('the emphasis of %j is %j', (text, expected) => {
  expect(strong(text)?.filter((raw) => !raw.startsWith('_'))).toEqual(expected)
})
