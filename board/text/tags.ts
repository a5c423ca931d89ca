/** Finds readers by the text that a person types. */
import { escapePattern } from './words.ts'

/** The tags that contain a text, in any case: those that begin with it first, otherwise as they come. */
export function filterTags(tags: string[], text: string): string[] {
  const wanted = text.toLowerCase()
  const rank = (tag: string) => {
    const at = tag.toLowerCase().indexOf(wanted)
    return at > 0 ? 2 : at < 0 ? -1 : tag.length === text.length ? 0 : 1
  }
  return [0, 1, 2].flatMap((wantedRank) => tags.filter((tag) => rank(tag) === wantedRank))
}

/** The first of those tags that a text addresses as `@tag`; undefined when it addresses none. */
export function findMention(text: string, tags: string[]): string | undefined {
  if (!text.includes('@') || tags.length === 0) return undefined
  // The longest first: "@review bot" is not "@review". What follows a Latin letter is a mail address.
  const longest = tags.toSorted((a, b) => b.length - a.length).map((tag) => escapePattern(tag))
  const pattern = new RegExp(`(?<![a-z\\d@._/-])@(${longest.join('|')})(?![\\p{L}\\p{N}_@-])`, 'iu')
  const found = pattern.exec(text)?.[1]?.toLowerCase()
  return tags.find((tag) => tag.toLowerCase() === found)
}
