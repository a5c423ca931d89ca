/** Reads a block of code as the lines of a diff. */

export interface DiffLine {
  text: string
  kind?: 'add' | 'del' | 'hunk'
}

/** Lines beyond which a diff is shown as it is. */
const MOST = 2_000

/** The lines; undefined if it is not a diff, or too long to draw each line. */
export function readDiff(text: string, language: string): DiffLine[] | undefined {
  const isNamed = /^(diff|patch)$/i.test(language)
  const looksSo = language === '' && /^@@ .* @@/m.test(text) && /^[+-]/m.test(text)
  if (!isNamed && !looksSo) return undefined
  const lines = text.split('\n')
  return lines.length > MOST ? undefined : lines.map(readLine)
}

function readLine(text: string): DiffLine {
  if (/^(@@|diff |index |\+\+\+ |--- )/.test(text)) return { text, kind: 'hunk' }
  if (text.startsWith('+')) return { text, kind: 'add' }
  if (text.startsWith('-')) return { text, kind: 'del' }
  return { text }
}
