/** Reads the file of `npm run export`: a JSON document per line, with a head, records, and their count. */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { UserError } from '../lib/user-error.ts'

/** The kind of the first line. */
export const HEAD = 'relay-mcp export'

export interface Line {
  value: Record<string, unknown>
  /** Its length in the file. */
  bytes: number
}

/** Reads the lines of an export, without an incomplete one at the end. Throws UserError. */
export async function* readLines(path: string): AsyncGenerator<Line> {
  let number = 0
  let rest = Buffer.alloc(0)
  // readline would also end a line at U+2028, which messages may contain.
  for await (const chunk of createReadStream(path)) {
    rest = Buffer.concat([rest, chunk])
    for (let bytes = rest.indexOf(NEW_LINE) + 1; bytes > 0; bytes = rest.indexOf(NEW_LINE) + 1) {
      number += 1
      yield { value: parseLine(rest.toString('utf8', 0, bytes), path, number), bytes }
      rest = rest.subarray(bytes)
    }
  }
}

const NEW_LINE = 0x0a

function parseLine(text: string, path: string, number: number): Record<string, unknown> {
  try {
    return JSON.parse(text)
  } catch {
    throw new UserError(`${path} is damaged: line ${number} is not valid JSON.`)
  }
}

/** Returns the number of records of a complete export. Throws UserError for any other file. */
export async function countRecords(path: string): Promise<number> {
  const found = await stat(path).catch(() => undefined)
  // The file is read twice, which a pipe or a device cannot be.
  if (found && !found.isFile()) throw new UserError(`${path} is not a regular file.`)
  if (!found?.size) throw new UserError(`${path} does not exist or is empty.`)
  let lines = 0
  let records: unknown
  for await (const { value } of readLines(path)) {
    if (lines === 0 && (value.kind !== HEAD || value.version !== 1)) break
    if (value.kind === 'end') records = value.records
    else lines += 1
  }
  if (lines === 0) throw new UserError(`${path} is not an export of relay-mcp.`)
  if (records !== lines - 1) throw new UserError(`${path} is incomplete: export again.`)
  return lines - 1
}
