/** The question in a message, in few words: for a list in which each has two lines. */
import { plainLine } from './words.ts'

/** Characters of a message that is shown from its beginning, even if it asks something further down. */
const SHORT = 200

/** Characters that are shown. */
const LENGTH = 400

const FENCE = /^ {0,3}(`{3,}|~{3,})[^\n]*\n([\s\S]*?)(?:^ {0,3}\1[^\n]*(?:\n|$)|$(?![\s\S]))/gm

/**
 * The text on one line, without its blocks of code, and the first line of those. Of a long text, the last
 * paragraph that asks something: a report ends with its question.
 */
export function readQuestion(content: string): { text: string; code?: string } {
  const code = [...content.matchAll(FENCE)]
    .flatMap(([, , body = '']) => body.split('\n'))
    .find((line) => line.trim())
  const text = content.replaceAll(FENCE, '\n')
  const whole = plainLine(text)
  if (whole.length > SHORT) {
    const asking = text.split(/\n\s*\n/).findLast((paragraph) => /[?？](\s|$)/.test(paragraph))
    if (asking) return { text: plainLine(asking).slice(0, LENGTH) }
  }
  const trimmed = code?.trim()
  return { text: whole.slice(0, LENGTH), ...(trimmed && { code: trimmed.slice(0, LENGTH) }) }
}
