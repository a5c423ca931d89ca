/** Finds the words of a search in a text, to mark them. */
import type { Latest } from '../relay/types.ts'

/** The words of a query, without the search's operators. */
export function wordsOf(query: string): string[] {
  const words = query
    .replaceAll(/(^|\s)-\S+/g, ' ')
    .split(/[\s"()]+/)
    .filter((word) => word && !/^or$/i.test(word))
  return [...new Set(words)].slice(0, 20)
}

export interface Marked {
  text: string
  isHit: boolean
}

/** Splits a text at those words, in any case. */
export function markWords(text: string, words: string[]): Marked[] {
  if (words.length === 0) return [{ text, isHit: false }]
  const pattern = new RegExp(`(${words.map((word) => escapePattern(word)).join('|')})`, 'giu')
  return text
    .split(pattern)
    .flatMap((part, i) => (part ? [{ text: part, isHit: i % 2 === 1 }] : []))
}

/** Characters before the first word that is found. */
const LEAD = 40

/** A text on one line, without the marks of Markdown that mean nothing there. */
export function plainLine(text: string): string {
  return (
    text
      .replaceAll(/^[ \t]*(#{1,6}|>|[-*+]( \[[ xX]\])?|\d+[.)]) /gm, '')
      // The relay folds the lines of an excerpt before it is cut.
      .replaceAll(/(?<=\s)([-*+] \[[ xX]\]|#{1,6}) |```\w*(?=\s)/g, '')
      .replaceAll(/\*\*|~~|`+/g, '')
      .replaceAll(/\s+/g, ' ')
      .trim()
  )
}

/** About `length` characters around the first of those words, on one line. */
export function excerptAround(content: string, words: string[], length: number): string {
  const line = plainLine(content)
  const low = line.toLowerCase()
  const places = words.map((word) => low.indexOf(word.toLowerCase())).filter((place) => place >= 0)
  const first = places.length > 0 ? Math.min(...places) : 0
  const start = Math.max(0, Math.min(first - LEAD, line.length - length))
  const space = line.indexOf(' ', start)
  // Not every script has spaces, and the next one may be after the match.
  const from = start > 0 && space >= 0 && space < first ? space + 1 : start
  const cut = line.slice(from, from + length).replace(/^[\udc00-\udfff]|[\ud800-\udbff]$/g, '')
  return `${from > 0 ? '… ' : ''}${cut}${from + length < line.length ? ' …' : ''}`
}

export function escapePattern(word: string): string {
  return word.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&')
}

/** The beginning of a thread's latest message on one line. */
export function excerptOf({ excerpt, redacted }: Pick<Latest, 'excerpt' | 'redacted'>): string {
  return redacted ? 'Taken back' : plainLine(excerpt)
}
