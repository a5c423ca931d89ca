/** The name that a client gives itself, made fit for one line of a page or an answer. Leaf. */

/** Characters: enough for a product name, too few for a sentence that speaks to the person. */
const MAX_LENGTH = 40

/** UTF-16 units that are looked at. Normalizing takes quadratic time in a run of combining marks. */
const MAX_READ = 500

/**
 * Cleans a client's name: one line, no invisible or direction-changing characters, few combining
 * marks, at most 40 characters. Empty when nothing readable is left.
 */
export function cleanClientName(name: string): string {
  const characters = [
    ...name
      .slice(0, MAX_READ)
      .toWellFormed()
      .normalize('NFC')
      // U+2800, the empty Braille pattern, is the one blank that Unicode counts as visible.
      .replaceAll(/[\p{C}\p{Default_Ignorable_Code_Point}\p{Zl}\p{Zp}\u2800]/gu, '')
      .replaceAll(/\p{Zs}+/gu, ' ')
      .replaceAll(/(\p{M}{2})\p{M}+/gu, '$1')
      .trim(),
  ]
  if (characters.length <= MAX_LENGTH) return characters.join('')
  return `${characters
    .slice(0, MAX_LENGTH - 1)
    .join('')
    .trimEnd()}…`
}
