/** The cached bundle of the Worker. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { bundleWorker, parseUpload } from '../../../scripts/local/workerd/bundle.ts'

test('a bundle that a power cut left damaged is built again', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'relay-bundle-'))
  try {
    const first = await bundleWorker(folder)
    const name = readdirSync(folder).find((each) => each.endsWith('.upload')) ?? ''
    writeFileSync(join(folder, name), '')
    const { source, rateLimits } = await bundleWorker(folder)
    expect(source === first.source).toBe(true)
    expect(rateLimits).toEqual(first.rateLimits)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test.each(['', '\0\0\0\0', '--x\r\ngarbage'])('%j is not a bundle', async (text) => {
  await expect(parseUpload(Buffer.from(text))).rejects.toThrow()
})
