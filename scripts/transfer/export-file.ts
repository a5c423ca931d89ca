/** The file of `npm run export`: one JSON document a line, a head, records, and an end that counts them. */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { UserError } from '../lib/user-error.ts'

/** In the order of the file: nothing comes before what it needs in order to be imported. */
export const KINDS = ['thread', 'reader', 'cursor', 'message'] as const

/** How many records of each kind. */
export type Counts = Record<(typeof KINDS)[number], number>

export const noRecords = (): Counts => ({ thread: 0, reader: 0, cursor: 0, message: 0 })

/** What of a record says where the next one is. */
export interface Position {
  kind: (typeof KINDS)[number]
  id?: string
  thread_id?: string
  seq?: number
  reader_tag?: string
}

export interface Export {
  /** When it was begun, by the database's clock. */
  asOf: string
  /** How many there were then, and so must be in the file in the end. */
  expected: { threads: number; messages: number }
  isComplete: boolean
  records: number
  /** The records of each kind. */
  counts: Counts
  /** Up to the end of the last whole record. */
  bytes: number
  last: Position | undefined
}

export interface Line {
  number: number
  /** Bytes of the file up to and with this line. */
  end: number
  value: Record<string, unknown>
}

/** The lines of an export, parsed; one that was cut short at the end is left out. Throws UserError. */
export async function* readLines(path: string): AsyncGenerator<Line> {
  let number = 0
  let end = 0
  let rest = Buffer.alloc(0)
  // Not readline, which also ends a line at U+2028, and messages may have those.
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
    throw new UserError(`${path}, line ${number} is not JSON: the file is damaged.`)
  }
}

/** What an export holds so far; undefined if there is no such file, or an empty one. Throws UserError. */
export async function readExport(path: string): Promise<Export | undefined> {
  let found: Export | undefined
  try {
    for await (const { end, value } of readLines(path)) {
      if (!found) {
        if (value.kind !== 'relay-mcp export' || value.version !== 1) {
          throw notAnExport(path)
        }
        found = {
          asOf: String(value.as_of),
          expected: { threads: Number(value.threads ?? 0), messages: Number(value.messages ?? 0) },
          isComplete: false,
          records: 0,
          counts: noRecords(),
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
  // Somebody's own text without a line break is not overwritten either.
  if (!found && (await stat(path)).size > 0) throw notAnExport(path)
  return found
}

const notAnExport = (path: string) => new UserError(`${path} is not an export of relay-mcp.`)
