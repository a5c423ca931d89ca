import { PassThrough } from 'node:stream'
import { finished } from 'node:stream/promises'
import { expect, test } from 'vitest'
import { readLines } from '../../../scripts/lib/lines.ts'

test('lines are whole however they arrive, and the last one needs no end', async () => {
  const text = Buffer.from('first\nsécond\r\n\nthird → last')
  for (let size = 1; size <= text.length; size += 1) {
    const stream = new PassThrough()
    const lines: string[] = []
    readLines(stream, (line) => lines.push(line))
    for (let at = 0; at < text.length; at += size) stream.write(text.subarray(at, at + size))
    await finished(stream.end())
    expect(lines).toEqual(['first', 'sécond', '', 'third → last'])
  }
})
