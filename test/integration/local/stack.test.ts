/** The local stack, while its keys change. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { tryKey } from '../../../scripts/lib/verdict.ts'
import { Stack } from '../../../scripts/local/stack.ts'

const key = (n: number) => `key-number-${n}-of-these-tests-that-is-long-enough`

test('requests during a change of keys are answered, and the last of several keys counts', async () => {
  const data = mkdtempSync(join(tmpdir(), 'relay-home-'))
  chmodSync(data, 0o711)
  const settings = {
    port: 0,
    dataDirectory: data,
    apiKey: key(1),
    previousApiKey: undefined,
    userId: '5f0c9f6e-2a0b-4d0a-9a53-0d9c1c7d3b11',
    // Nothing listens there, and nothing is asked of it.
    serviceKey: 'sb_secret_of_these_tests',
    supabaseUrl: 'http://127.0.0.1:1',
    publicUrl: undefined,
    allowedOrigins: undefined,
    trustsConnectingIp: false,
    keySource: 'kept' as const,
    warnings: [],
  }
  const stack = new Stack(settings, {
    onLine: () => {},
    onNotice: () => {},
  })
  try {
    const url = (await stack.start('0.2.0')) as string
    const change = stack.changeKeys({ ...settings, apiKey: key(2) })
    // Arrives while the Worker is being stopped.
    const during = tryKey(url, key(2))
    await change
    expect((await during).is).not.toBe('other')

    // At some of these moments the Worker is being started with the first of two new keys.
    let last = 2
    for (const pause of [0, 10, 20, 30, 40, 50]) {
      await expect.poll(() => tryKey(url, key(last))).toEqual({ is: 'accepted' })
      await stack.changeKeys({ ...settings, apiKey: key(last + 1) })
      await sleep(pause)
      await stack.changeKeys({ ...settings, apiKey: key(last + 2) })
      last += 2
    }
    await expect.poll(() => tryKey(url, key(last))).toEqual({ is: 'accepted' })
    expect(await tryKey(url, key(last - 1))).toEqual({ is: 'refused' })
  } finally {
    await stack.stop()
    rmSync(data, { recursive: true })
  }
})
