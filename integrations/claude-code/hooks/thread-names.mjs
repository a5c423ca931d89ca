/** Reads the text that a person typed after /relay:watch. */
import { flatten } from './text.mjs'

/** A name in quotation marks of any kind, up to one that ends a word; or a word. */
const NAME =
  /["“”„«»]([^"“”„«»]*)["“”„«»](?=[\s,;.]|$)|['‘’‚‹›](.*?)['‘’‚‹›](?=[\s,;.]|$)|([^\s,;]+)/gu

/** Marks around a word, such as the mark of a channel or the end of a sentence. */
const AROUND = /^["“”„«»'‘’‚‹›#]+|["“”„«»'‘’‚‹›.!]+$/gu

/**
 * Returns the names of threads, without any if the person wants to stop watching. Names with spaces,
 * and names that begin or end with punctuation, are in quotation marks.
 */
export function parseWatch(typed) {
  const names = []
  let isQuoted = false
  for (const [, double, single, word] of typed.matchAll(NAME)) {
    const quoted = double ?? single
    const name = flatten(quoted ?? word.replace(AROUND, ''))
    if (!name) continue
    isQuoted ||= quoted !== undefined
    names.push(name)
  }
  // In quotation marks it is the name of a thread.
  const isOff = names.length === 1 && !isQuoted && /^(off|stop)$/i.test(names[0])
  return isOff ? { isOff, threads: [] } : { isOff, threads: names }
}
