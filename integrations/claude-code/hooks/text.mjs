/** Makes text of other sessions safe to show inside the plugin's own text, which a model trusts more. */

/** Invisible characters: direction marks, tags, variation selectors, lone surrogates; not joiners. */
const INVISIBLE = /(?!\u200c|\u200d)[\p{Cf}\p{Cs}\p{VS}]/gu
const SPACES = /[\s\p{Cc}]+/gu

/** As one line in quotation marks that the text cannot close, with nothing that looks like a tag. */
export function quote(value, max) {
  const characters = Array.from(flatten(value))
  const cut = characters.length > max ? [...characters.slice(0, max - 1), '…'] : characters
  return JSON.stringify(cut.join('').replaceAll('<', '‹').replaceAll('>', '›'))
}

/** Removes invisible characters and turns every run of white space into one space. */
export function flatten(value) {
  return value.replace(INVISIBLE, '').replace(SPACES, ' ').trim()
}

/** The relay treats two names as one if they differ only in case, spaces, `-` and `_`. */
export function fold(name) {
  return name
    .trim()
    .toLowerCase()
    .replace(/[\s_-]+/g, '-')
}
