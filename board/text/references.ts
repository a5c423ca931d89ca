/** Finds what names a message: `#62` in the same thread, `billing-migration#62` in another one. */

export interface Reference {
  text: string
  /** The thread's name; undefined in the same thread. */
  thread?: string
  seq: number
}

// Not a number of another tracker: "PR #62".
const REFERENCE =
  /(?<![\p{L}\p{N}#/&.])(?<!\b(?:pr|pull|issue|bug|ticket|mr)s? )([\p{L}\p{N}][\p{L}\p{N}._-]*)?#([1-9]\d{0,6})(?![\p{L}\p{N}])/giu

/** Splits a text at its references. */
export function findReferences(text: string): (string | Reference)[] {
  if (!text.includes('#')) return [text]
  const pieces: (string | Reference)[] = []
  let end = 0
  for (const { 0: found, 1: thread, 2: seq, index } of text.matchAll(REFERENCE)) {
    if (index > end) pieces.push(text.slice(end, index))
    pieces.push({ text: found, seq: Number(seq), ...(thread && { thread }) })
    end = index + found.length
  }
  if (end < text.length) pieces.push(text.slice(end))
  return pieces
}
