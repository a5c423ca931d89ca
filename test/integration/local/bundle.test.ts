/** The size of the deployed Worker, which decides how fast it starts. */
import { expect, inject, test } from 'vitest'
import { measureGzip } from '../../../bench/footprint.ts'

const KIB = 1024

test('the Worker is at most 59 KiB, minified and compressed', () => {
  const { source } = inject('bundle')
  expect(measureGzip(source)).toBeLessThanOrEqual(59 * KIB)
})
