/** The metadata of a message: a JSON object that the database can store as it is. Leaf. */
import * as z from 'zod/mini'
import { show } from './arguments.ts'

/** 16 KB of JSON: facts about the message, not the message itself. */
const MAX_METADATA_BYTES = 16_384

export const metadata = z.custom<Record<string, unknown>>().check(
  z.check(({ value, issues }) => {
    const message = metadataFault(value)
    if (message) issues.push({ code: 'custom', message, input: value, path: [] })
  }),
  z.meta({
    type: 'object',
    // Without it, OpenAI's strict conversion gives up on the tool.
    additionalProperties: true,
    description: 'Facts for programs, such as a branch or a URL.',
  }),
)

/** The fault of metadata, or undefined. */
function metadataFault(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return `must be a JSON object, not ${show(value)}`
  }
  let storable = true
  let exact = true
  const isStorable = (text: string) => text.isWellFormed() && !text.includes('\0')
  let json: string
  try {
    json = JSON.stringify(value, (key, item) => {
      if (!isStorable(key) || (typeof item === 'string' && !isStorable(item))) storable = false
      // 1e400 has been read as Infinity, and 2^53 + 1 as 2^53: neither would come back as it was.
      const isWhole = Number.isInteger(item)
      if (
        typeof item === 'number' &&
        !(isWhole ? Number.isSafeInteger(item) : Number.isFinite(item))
      ) {
        exact = false
      }
      return item
    })
  } catch {
    return 'is nested too deeply to be stored'
  }
  if (new TextEncoder().encode(json).byteLength > MAX_METADATA_BYTES) {
    return 'must be at most 16 KB of JSON'
  }
  if (!storable) return 'must contain well-formed Unicode without U+0000, in its keys too'
  return exact ? undefined : 'must contain numbers below 2^53; write a larger one as a string'
}
