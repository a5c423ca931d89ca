/**
 * Keeps the worst of an earlier style out: words that an English-speaking engineer would not use in
 * these senses. It covers documents, code with its comments and strings, and the names and comments of tests.
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
  [/(?<!`)\b([Nn]obody|[Ss]omebody)\b/, 'no one, a person, not logged in'],
  [
    /(?<!there )(?<!there (will|has|have) )\b(is|are|was|were|be|been) no (?!longer\b|more\b)/i,
    'is not a, does not',
  ],
  [/\b(gives?|gave|given|giving) (an?|the|its|no) answer\b/i, 'answers'],
  [/\b(is|are|was|were|be|been|being) (handed|given)\b(?! (back|up)\b)/i, 'receives, gets'],
  [/\b(told so|all the same)\b/i, 'learns, still'],
  [/\b(persuasion|false names?)\b/i, 'prompt injection, impersonation'],
  [/(^|\/\*\*? |\* |\/\/ |-- )What\b|^what\b/, 'a noun: the fault, the fields, the messages'],
  [/\bshall\b/i, 'must, will'],
  [/\balone\b/i, 'only, by itself'],
  [/(, | — )save (for|that|the|where)\b/i, 'except'],
  [/\b(told|tells?|telling) of\b/i, 'report, describe, show'],
  [/\bplaces? in (its|the|a|their) threads?\b/i, 'position, seq'],
]

const PROSE = /\.(md|ts|tsx|mjs|cjs|js|css|html|sql|json|yml|toml|example)$/
const OTHERS = /^(package-lock\.json|LICENSE|test\/unit\/prose\.test\.ts|bench\/results\.json)$/
const TESTS = /^test\/.*\.ts$/

/** The names of tests: `test('…'`, and the title of a table or a condition, `)('…'`. */
const TEST_NAME = /(?:\btest(?:\.\w+(?:\([^)]*\))?)?|[\])]\)?)\(\s*(['"`])(.*?)\1/gs

/** A line of a comment that has its lines to itself. */
const COMMENT = /^\s*(\/\/|\/?\*)/

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
    'What is mended for ever is none. Whoever goes on alone beside the others, save the last, shall ' +
    'be told of its place in the thread. Nobody is given an answer, is no persuasion or is told so.'
  expect(WORDS.filter(([word]) => !word.test(said))).toEqual([])
  const source = `test('alone', () => {\n  const alone = 1\n})\n])(\n  'mends %s', f)\n`
  expect(readTestNames(source).map(([, name]) => name)).toEqual(['alone', 'mends %s'])
})

/** The numbered lines of a file; of a test, its names and comments, since its data may say anything. */
function readProse(path: string): [number, string][] {
  const text = readFileSync(path, 'utf8')
  const lines = text.split('\n').map((line, index): [number, string] => [index + 1, line])
  if (!TESTS.test(path)) return lines
  return [...readTestNames(text), ...lines.filter(([, line]) => COMMENT.test(line))]
}

function readTestNames(text: string): [number, string][] {
  return [...text.matchAll(TEST_NAME)].map((match) => [
    text.slice(0, match.index).split('\n').length,
    match[2] ?? '',
  ])
}
