/** Fences of code in Markdown: where they end, and where a long text can be cut without cutting one. */

/** A line that begins or ends a fence: its marks, and the rest. */
const FENCE = /^ {0,3}(`{3,}|~{3,})([^\n]*)$/

/**
 * A fence of Markdown at the start of a text, in which other fences open with a language and end, and that
 * then ends itself. CommonMark ends it with the first of those.
 */
export function findFence(src: string): { raw: string; lang: string; text: string } | undefined {
  const start = /^ {0,3}(`{3,}|~{3,})[ \t]*(md|markdown)[ \t]*\n/i.exec(src)
  if (!start) return undefined
  const [, marks = '', lang = ''] = start
  const from = start[0].length
  let depth = 0
  let wasNested = false
  let at = from
  while (at < src.length) {
    const end = indexOrEnd(src, at)
    const [, own, after = ''] = FENCE.exec(src.slice(at, end)) ?? []
    if (own?.startsWith(marks)) {
      if (after.trim()) {
        depth += 1
        wasNested = true
      } else if (depth > 0) depth -= 1
      else if (!wasNested) return undefined
      else
        return { raw: src.slice(0, end + 1), lang, text: src.slice(from, Math.max(from, at - 1)) }
    }
    at = end + 1
  }
  return undefined
}

/**
 * Cuts a text into parts of at most `length` characters, at blank lines outside of fences and lists, or else at lines
 * outside of fences. A single line or fence that is longer is a part of its own.
 */
export function splitMarkdown(text: string, length: number): string[] {
  if (text.length <= length) return [text]
  const parts: string[] = []
  let start = 0
  /** The ends of lines since `start` where a part may end; the better one is after a blank line, before one that is not indented. */
  let line = 0
  let blank = 0
  let fence: string | undefined
  for (let at = 0; at < text.length; ) {
    const end = Math.min(indexOrEnd(text, at) + 1, text.length)
    if (end - start > length && line > start) {
      const cut = blank > start ? blank : line
      parts.push(text.slice(start, cut))
      start = cut
    }
    const content = text.slice(at, end).trimEnd()
    const [, marks, after = ''] = FENCE.exec(content) ?? []
    if (fence === undefined) fence = marks
    else if (marks?.startsWith(fence) && !after.trim()) fence = undefined
    if (fence === undefined) {
      line = end
      if (content === '' && /\S/.test(text[end] ?? '')) blank = end
    }
    at = end
  }
  parts.push(text.slice(start))
  return parts
}

function indexOrEnd(text: string, from: number): number {
  const index = text.indexOf('\n', from)
  return index < 0 ? text.length : index
}
