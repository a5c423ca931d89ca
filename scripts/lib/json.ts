/** Parses an answer: returns its JSON, or the text itself if it is not JSON. Leaf. */
// biome-ignore lint/suspicious/noExplicitAny: each caller knows the answer it asked for.
export function parseJson(text: string): any {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
