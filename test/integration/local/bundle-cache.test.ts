/** The cached bundle of the Worker. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { bundleWorker } from '../../../scripts/local/workerd/bundle.ts'

test('a bundle that a power cut left empty or damaged is built again', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'relay-bundle-'))
  try {
    const first = await bundleWorker(folder)
    const [name = ''] = readdirSync(folder)
    for (const text of ['', '\0\0\0\0', '--x\r\ngarbage']) {
      writeFileSync(join(folder, name), text)
      const { source, rateLimits } = await bundleWorker(folder)
      expect(source === first.source).toBe(true)
      expect(rateLimits).toEqual(first.rateLimits)
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
})
