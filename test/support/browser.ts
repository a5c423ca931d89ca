/** Chromium for a test, as unpacked for this run. */
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { inject } from 'vitest'
import { launchChromium } from './chromium.ts'

export function openBrowser(): Promise<Browser> {
  return launchChromium(join(inject('scratch'), 'chromium'))
}
