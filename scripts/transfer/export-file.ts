/** Reads the file of `npm run export`: a JSON document per line, with a head, records, and their count. */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { UserError } from '../lib/user-error.ts'

/** In the order of the file: a record follows those that it needs when it is imported. */
export const KINDS = ['thread', 'reader', 'cursor', 'message'] as const

/** The number of records of each kind. */
export type Counts = Record<(typeof KINDS)[number], number>

export const createCounts = (): Counts => ({ thread: 0, reader: 0, cursor: 0, message: 0 })

/** The fields of a record that determine the next one. */
export interface Position {
  kind: (typeof KINDS)[number]
  id?: string
  thread_id?: string
  seq?: number
  reader_tag?: string
}

export interface Export {
  /** The user and the database it comes from; undefined in files of earlier versions. */
  source: string | undefined
  /** The first line, which no other export has. */
  head: string
  /** When it began, by the clock of the database. */
  asOf: string
  /** The counts at that time, which the complete file must have. */
  expected: { threads: number; messages: number }
  isComplete: boolean
  records: number
  /** The records of each kind so far. */
  counts: Counts
  /** The size of the file up to the last complete record. */
  bytes: number
  last: Position | undefined
}

export interface Line {
  number: number
  /** Bytes of the file up to the end of this line. */
  end: number
  value: Record<string, unknown>
}

/** Reads the lines of an export, without an incomplete one at the end. Throws UserError. */
export async function* readLines(path: string): AsyncGenerator<Line> {
  let number = 0
  let end = 0
  let rest = Buffer.alloc(0)
  // readline would also end a line at U+2028, which messages may contain.
  for await (const chunk of createReadStream(path)) {
    rest = Buffer.concat([rest, chunk])
    for (let length = rest.indexOf(NEW_LINE) + 1; length > 0; length = rest.indexOf(NEW_LINE) + 1) {
      number += 1
      end += length
      yield { number, end, value: parseLine(rest.toString('utf8', 0, length), path, number) }
      rest = rest.subarray(length)
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

/** Reads the state of an export; undefined if the file is missing or empty. Throws UserError. */
export async function readExport(path: string): Promise<Export | undefined> {
  let found: Export | undefined
  try {
    // The file is read more than once, which a pipe or a device cannot be.
    if (!(await stat(path)).isFile()) throw createTypeError(path)
    for await (const { end, value } of readLines(path)) {
      if (!found) {
        if (value.kind !== 'relay-mcp export' || value.version !== 1) {
          throw createFormatError(path)
        }
        found = {
          source: value.source === undefined ? undefined : String(value.source),
          head: JSON.stringify(value),
          asOf: String(value.as_of),
          expected: { threads: Number(value.threads ?? 0), messages: Number(value.messages ?? 0) },
          isComplete: false,
          records: 0,
          counts: createCounts(),
          bytes: end,
          last: undefined,
        }
      } else if (value.kind === 'end') {
        found.isComplete = value.records === found.records
      } else {
        found.records += 1
        found.counts[value.kind as (typeof KINDS)[number]] += 1
        found.bytes = end
        found.last = value as unknown as Position
      }
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  // A file that contains only text without a line break must not be overwritten.
  if (!found && (await stat(path)).size > 0) throw createFormatError(path)
  return found
}

export const createTypeError = (path: string) =>
  new UserError(`${path} is not a regular file: give the name of a file.`)

const createFormatError = (path: string) => new UserError(`${path} is not an export of relay-mcp.`)
