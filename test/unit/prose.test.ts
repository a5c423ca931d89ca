/**
 * Keeps the worst of an earlier style out: words that an English-speaking engineer would not use in
 * these senses. It covers documents, code with its comments and strings, and the names of tests.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

/** What is refused, and what to write instead. */
const WORDS: [RegExp, string][] = [
  [/\bmend(s|ed|ing)?\b/i, 'fix, repair'],
  [/\bwhoever\b/i, 'anyone who, a client that'],
  [/\bbeside\b/i, 'next to, in addition to'],
  [/\b(go|goes|went|gone|going) on\b/i, 'continue, resume'],
  [/\bfor ever\b/i, 'indefinitely, forever'],
  [/(?<!\bthere )\b(is|are|was|were) none\b/i, 'is invalid, is not one, does not exist'],
  [/\bnobody is\b/i, 'nobody does, not logged in'],
  [/\bshall\b/i, 'must, will'],
  [/\balone\b/i, 'only, by itself'],
  [/(, | — )save (for|that|the|where)\b/i, 'except'],
  [/\b(told|tells?|telling) of\b/i, 'report, describe, show'],
  [/\bplaces? in (its|the|a|their) threads?\b/i, 'position, seq'],
]

const PROSE = /\.(md|ts|mjs|cjs|sql|json|yml|toml|example)$/
const OTHERS = /^(package-lock\.json|LICENSE|test\/unit\/prose\.test\.ts|bench\/results\.json)$/
const TESTS = /^test\/.*\.ts$/

/** The names of tests: `test('…'`, and the title of a table of tests, `])('…'`. */
const TEST_NAME = /(?:\btest(?:\.\w+(?:\([^)]*\))?)?|\]\)?)\(\s*(['"`])(.*?)\1/gs

const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  encoding: 'utf8',
})
  .trim()
  .split('\n')
  .filter((path) => PROSE.test(path) && !OTHERS.test(path))

test.each(WORDS)('nothing says %s', (word, instead) => {
  const found = files.flatMap((path) =>
    readProse(path)
      .filter(([, line]) => word.test(line))
      .map(([number, line]) => `${path}:${number}: ${line.trim().slice(0, 100)}`),
  )
  expect(found, `write: ${instead}`).toEqual([])
})

test('every word is found where it stands, and in the names of tests', () => {
  const said =
    'It is mended for ever. Whoever goes on beside the others, save the last, shall be told of.'
  expect(WORDS.filter(([word]) => word.test(said))).toHaveLength(8)
  const source = `test('alone', () => {\n  const alone = 1\n})\n])(\n  'mends %s', f)\n`
  expect(readTestNames(source).map(([, name]) => name)).toEqual(['alone', 'mends %s'])
})

/** The numbered lines of a file; of a test, only its name. */
function readProse(path: string): [number, string][] {
  const text = readFileSync(path, 'utf8')
  if (TESTS.test(path)) return readTestNames(text)
  return text.split('\n').map((line, index) => [index + 1, line])
}

function readTestNames(text: string): [number, string][] {
  return [...text.matchAll(TEST_NAME)].map((match) => [
    text.slice(0, match.index).split('\n').length,
    match[2] ?? '',
  ])
}
