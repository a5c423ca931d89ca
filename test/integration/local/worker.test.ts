/** How workerd is started, or said not to have been. */
import { expect, test } from 'vitest'
import { openFront } from '../../../scripts/local/workerd/front.ts'
import { startWorker } from '../../../scripts/local/workerd/worker.ts'

/** A Worker for a later workerd than this. */
const BUNDLE = {
  source: 'export default { fetch: () => new Response("ok") }',
  compatibilityDate: '2999-01-01',
  compatibilityFlags: [],
  rateLimits: [],
}

test('a workerd that ends at once is reported, and requests wait for another', async () => {
  const front = await openFront(0)
  const start = (compatibilityDate: string) =>
    startWorker({
      bundle: { ...BUNDLE, compatibilityDate },
      bindings: { SUPABASE_URL: 'http://127.0.0.1:1' },
      front,
      onLine: () => {},
    })
  // Its pipe closes before its end is known, but not always.
  for (let attempt = 0; attempt < 5; attempt += 1) {
    await expect(start('2999-01-01')).rejects.toThrow('workerd did not start (exit code 1).')
  }
  const waiting = fetch(`http://127.0.0.1:${front.port}/`)
  const worker = await start('2026-10-23')
  expect(await (await waiting).text()).toBe('ok')
  await worker.stop()
  front.close()
})
