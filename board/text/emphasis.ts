/**
 * Emphasis next to Chinese, Japanese and Korean text, which has no spaces around it. CommonMark shows the
 * asterisks of `**注意：**正文`; here the characters of these scripts let marks open and close on both sides
 * (the CJK-friendly amendments to CommonMark).
 */
import type { Rules } from 'marked'

type InlineRules = Rules['inline']

/** Characters of these scripts, and their punctuation. */
const CJK =
  '\\p{scx=Han}\\p{scx=Hiragana}\\p{scx=Katakana}\\p{scx=Hangul}\\p{scx=Bopomofo}\\u3000-\\u303f\\ufe30-\\ufe4f\\uff00-\\uffef'

/** Other punctuation; `~` may be inside emphasis. */
const PUNCT = `(?:(?![~${CJK}])[\\p{P}\\p{S}])`
const NOT_PUNCT = `(?:[^\\s\\p{P}\\p{S}]|[~${CJK}])`

const LEFT = new RegExp(
  `^(?:\\*+(?:((?!\\*)${PUNCT})|([^\\s*]))?)|^_+(?:((?!_)${PUNCT})|([^\\s_]))?`,
  'u',
)

/** The groups are marked's own: 1 and 2 only close, 3 and 4 only open, 5 and 6 do either. */
const RIGHT = new RegExp(
  [
    '^[^_*]*?__[^_*]*?\\*[^_*]*?(?=__)',
    '[^*]+(?=[^*])',
    `(?!\\*)${PUNCT}(\\*+)(?=\\s|$)`,
    `(?:(?![${CJK}])${NOT_PUNCT}|[${CJK}](?=\\*+(?:\\s|$)))(\\*+)(?!\\*)(?=\\s|${PUNCT}|$)`,
    `(?!\\*)(?:\\s|${PUNCT}(?!\\*+[${CJK}]))(\\*+)(?=${NOT_PUNCT})`,
    `\\s(\\*+)(?!\\*)(?=${PUNCT})`,
    `(?!\\*)${PUNCT}(\\*+)(?!\\*)(?=${PUNCT}|[${CJK}])`,
    `(?:${NOT_PUNCT}(?=\\*+${NOT_PUNCT})|[${CJK}](?=\\*+(?!\\*)${PUNCT}))(\\*+)(?!\\*)`,
  ].join('|'),
  'gu',
)

const BEFORE = new RegExp(`^(?![*_])[\\s\\p{P}\\p{S}${CJK}]`, 'u')

/** marked's rules for spans, with these for asterisks. */
export function inlineRules(rules: InlineRules): InlineRules {
  return { ...rules, emStrongLDelim: LEFT, emStrongRDelimAst: RIGHT, punctuation: BEFORE }
}
