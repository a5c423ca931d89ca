/** The size of the deployed Worker, which decides how fast it starts. */
import { gzipSync } from 'node:zlib'
import { expect, inject, test } from 'vitest'

const KIB = 1024

test('the Worker is at most 69 KiB, minified and compressed', () => {
  const { source } = inject('bundle')
  expect(gzipSync(source).length).toBeLessThanOrEqual(69 * KIB)
})
