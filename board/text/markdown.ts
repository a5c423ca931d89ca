/**
 * Reads Markdown as tokens, within a time that no text can exceed by much. Some texts keep marked's lexer
 * busy for seconds or hours, and no pattern knows all of them, so its work is measured while it runs.
 */
import { Lexer, type Token, Tokenizer, type Tokens } from 'marked'
import { isFullOfUnseen } from './characters.ts'
import { inlineRules } from './emphasis.ts'
import { findFence, splitMarkdown } from './fences.ts'

/** Milliseconds for one text; the step that passes them is finished first. */
const BUDGET = 50

/** Steps before the clock counts, so that a machine that pauses does not cost a short message its form. */
const FREE_STEPS = 300

/** Steps for one text. Their result has to be drawn as well, which takes longer than finding it. */
const MAX_STEPS = 12_000

/** Steps that stand for the elements of a block of code or of `<details>`. */
const BLOCK_STEPS = 8

/** Characters that are read at once: the cost of a single step depends on them. */
const MAX_PART = 20_000

/** `<details>` with its summary, both read as Markdown. */
export interface DetailsToken {
  type: 'details'
  raw: string
  summary: Token[]
  tokens: Token[]
}

/** A stretch of text that is shown as it is. */
export function plainToken(raw: string): Token {
  return { type: 'plain', raw }
}

/** The text's blocks. From where the budget ends, the text is one plain token. `now` is in milliseconds. */
export function readMarkdown(text: string, now = () => performance.now()): Token[] {
  if (isFullOfUnseen(text)) return [plainToken(text)]
  const tokens: Token[] = []
  const tokenizer = new BoundedTokenizer(now)
  let end = 0
  for (const part of splitMarkdown(text, MAX_PART)) {
    try {
      if (part.length > MAX_PART) throw new OverBudget()
      tokens.push(...tokenizer.read(part))
    } catch {
      const rest = tokenizer.isOver ? text.slice(end) : part
      tokens.push(plainToken(rest))
      if (tokenizer.isOver) break
    }
    end += part.length
  }
  return tokens
}

class OverBudget extends Error {}

/** marked's tokenizer, with a budget and common extensions of CommonMark. */
class BoundedTokenizer extends Tokenizer {
  isOver = false
  #steps = 0
  readonly #now: () => number
  readonly #deadline: number

  constructor(now: () => number) {
    super()
    this.#now = now
    this.#deadline = now() + BUDGET
  }

  read(text: string): Token[] {
    const lexer = new Lexer({ gfm: true, breaks: true, tokenizer: this })
    this.rules = { ...this.rules, inline: inlineRules(this.rules.inline) }
    return lexer.lex(text)
  }

  #step(steps = 1): void {
    this.#steps += steps
    const isLate = this.#steps > FREE_STEPS && this.#now() > this.#deadline
    this.isOver ||= isLate || this.#steps > MAX_STEPS
    if (this.isOver) throw new OverBudget()
  }

  /** The first rule that is tried for each block. */
  override space(src: string): Tokens.Space | undefined {
    this.#step()
    return super.space(src)
  }

  /** The first rule that is tried for each span. */
  override escape(src: string): Tokens.Escape | undefined {
    this.#step()
    return super.escape(src)
  }

  /** A block of Markdown may show blocks of code, whose ends do not end it. */
  override fences(src: string): Tokens.Code | undefined {
    const nested = findFence(src)
    const code: Tokens.Code | undefined = nested ? { type: 'code', ...nested } : super.fences(src)
    if (code) this.#step(BLOCK_STEPS)
    return code
  }

  /** Every row is filled up to the cells of the head, so a table can be much larger than its text. */
  override table(src: string): Tokens.Table | undefined {
    const [, head = '', , rows = ''] = this.rules.block.table.exec(src) ?? []
    if (head) this.#step(head.split('|').length * rows.split('\n').length)
    return super.table(src)
  }

  override html(src: string): Tokens.HTML | undefined {
    const details = findDetails(src)
    if (!details) return super.html(src)
    this.#step(BLOCK_STEPS)
    const { raw, summary, content } = details
    const { top } = this.lexer.state
    this.lexer.state.top = true
    const tokens = this.lexer.blockTokens(content, [])
    this.lexer.state.top = top
    const token: DetailsToken = {
      type: 'details',
      raw,
      summary: this.lexer.inline(summary),
      tokens,
    }
    // marked pushes whatever a rule returns.
    return token as unknown as Tokens.HTML
  }
}

const DETAILS = /^ {0,3}<details(?: open(?:="")?)?>\s*(?:<summary>(.*?)<\/summary>)?/i

/** The `<details>` at the start of a text, if it ends. */
function findDetails(src: string) {
  const start = DETAILS.exec(src)
  if (!start) return undefined
  let depth = 0
  for (const tag of src.matchAll(/<(\/?)details\b[^<>]*>/gi)) {
    depth += tag[1] ? -1 : 1
    if (depth > 0) continue
    const content = src.slice(start[0].length, tag.index)
    const end = /^[ \t]*\n*/.exec(src.slice(tag.index + tag[0].length))?.[0] ?? ''
    const raw = src.slice(0, tag.index + tag[0].length) + end
    return { raw, summary: start[1] ?? '', content: content.replace(/^\n+/, '') }
  }
  return undefined
}
