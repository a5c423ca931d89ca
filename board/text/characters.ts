/**
 * Finds the invisible characters that change how the others are read: controls, marks that
 * turn the direction of text, and those in which a text can be hidden.
 */

/** A piece of a text: ordinary characters, or one to be shown as a mark. */
export type Piece = string | { code: string; name: string }

// U+200C and U+200D belong to the spelling of some scripts and of emoji, so they count between ASCII only.
const UNSEEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the ones to find.
  /[\0-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ufeff\uffa0\ufff9-\ufffb\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}]|(?<=[\0-\x7f])[\u200c\u200d]|[\u200c\u200d](?=[\0-\x7f])/gu

const NAMES: Record<string, string> = {
  '200B': 'zero width space',
  '200E': 'left-to-right mark',
  '200F': 'right-to-left mark',
  '202A': 'left-to-right embedding',
  '202B': 'right-to-left embedding',
  '202C': 'end of a change of direction',
  '202D': 'left-to-right override',
  '202E': 'right-to-left override',
  '2066': 'left-to-right isolate',
  '2067': 'right-to-left isolate',
  '2069': 'end of an isolate',
  FEFF: 'byte order mark',
}

/** Marks of one text; the page would take seconds to lay out tens of thousands. */
const MAX_MARKS = 500

/**
 * Splits a text at such characters. A carriage return before a line feed does not count. After
 * MAX_MARKS of them, a question mark takes the place of each.
 */
export function findUnseen(text: string): Piece[] {
  const plain = text.replaceAll('\r\n', '\n')
  const pieces: Piece[] = []
  let end = 0
  for (const { 0: character, index } of plain.matchAll(UNSEEN)) {
    if (pieces.length >= 2 * MAX_MARKS) {
      pieces.push(plain.slice(end).replaceAll(UNSEEN, '?'))
      return pieces
    }
    if (index > end) pieces.push(plain.slice(end, index))
    const code = (character.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, '0')
    pieces.push({ code, name: NAMES[code] ?? 'invisible or control character' })
    end = index + character.length
  }
  if (end < plain.length) pieces.push(plain.slice(end))
  return pieces
}

/** Whether a text has so many that they should not be shown as marks among other elements. */
export function isFullOfUnseen(text: string): boolean {
  return (text.match(UNSEEN)?.length ?? 0) > MAX_MARKS
}

/** A text on one line, for a title or an attribute, without such characters. */
export function toPlainLine(text: string): string {
  return text.replaceAll(UNSEEN, '').replaceAll(/\s+/g, ' ').trim()
}
