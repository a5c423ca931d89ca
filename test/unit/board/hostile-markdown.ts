/** Texts that keep a reader of Markdown busy, or give a browser too much to draw: none may block the board. */

const LENGTH = 100_000

function fill(pattern: string, length = LENGTH): string {
  return pattern.repeat(Math.ceil(length / pattern.length)).slice(0, length)
}

/** A quote that becomes shallower line by line: read twice per level. */
function nest(mark: string): string {
  return Array.from({ length: 29 }, (_, i) => `${mark.repeat(28 - i)}a`).join('\n')
}

/** Repeated over the whole length, in one line of the size that is read at once, and in paragraphs. */
const PATTERNS = [
  'a*',
  '*a ',
  'a_',
  '**',
  '*a* ',
  '_a__b___',
  '~~a',
  '*a **b ',
  '***a*** ',
  '[](',
  '[a](b',
  '[',
  ']',
  '![',
  '[[](',
  '[a](https://a.example/b) ',
  '![a](b)',
  '[a][b] ',
  'https://a.example/b ',
  'a@b.example ',
  '`',
  '`a',
  '`` ` ',
  '\\\\',
  '\\\\\\\\ ',
  '<',
  '<a ',
  '<a>',
  '<!--',
  '<br>',
  '<sub>',
  '<sub>a</sub>',
  '&amp;',
  'a\u200b',
  '\u202e',
]

const row = (cells: number, mark: string) => `|${`${mark}|`.repeat(cells)}\n`

export const HOSTILE_MARKDOWN: Record<string, string> = {
  'a nested quote': nest('> '),
  'a nested quote without spaces': nest('>'),
  'a nested quote of lists': nest('> 1. '),
  'nested quotes': fill(`${nest('> ')}\n\n`),
  'quotes of eight levels': fill(`${nest('> ').split('\n').slice(20).join('\n')}\n\n`),
  'quote marks': fill('> ', 19_000),
  'lists of 195 levels': Array.from({ length: 195 }, (_, i) => `${' '.repeat(i)}- a`).join('\n'),
  'lists of 440 levels': Array.from({ length: 440 }, (_, i) => `${' '.repeat(i)}- a`).join('\n'),
  'list marks': fill('- ', 19_000),
  'list marks and quote marks': fill('- > ', 19_000),
  items: fill('- a\n'),
  fences: fill('``` \n'),
  'fences of Markdown': fill('```md\n```ts\nx\n```\n'),
  'backticks in every number': Array.from({ length: 440 }, (_, i) => '`'.repeat(i)).join(' '),
  'nested details': '<details>'.repeat(1_000) + '</details>'.repeat(1_000),
  'details that never end': fill('<details>\n'),
  details: fill('<details><summary>a</summary>\n\nb\n\n</details>\n\n'),
  'a table': row(2, 'a') + row(2, '-') + fill('|a|b|\n', 19_000),
  'a table that fills its rows up': row(200, 'a') + row(200, '-') + fill('|a\n', 18_000),
  'a table of one row': `${fill('|a', 9_000)}\n${fill('|-', 9_000)}`,
  headings: fill('# a\n'),
  underlines: fill('a\n-\n'),
  definitions: fill('[a]: b\n'),
  lines: fill('a\n'),
  'blank lines': fill('\n'),
  'a stack trace in JSON': fill(
    '{"stack": "Error\\\\n    at x (C:\\\\\\\\app\\\\\\\\y.ts:1:2)\\\\n"}\n',
  ),
  ...Object.fromEntries(
    PATTERNS.flatMap((pattern) => [
      [`${JSON.stringify(pattern)} in a line`, fill(pattern)],
      [`${JSON.stringify(pattern)} in a paragraph`, fill(pattern, 19_990)],
      [`${JSON.stringify(pattern)} in paragraphs`, fill(`${fill(pattern, 990)}\n\n`)],
    ]),
  ),
}
