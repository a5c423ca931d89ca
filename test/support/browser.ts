/** Chromium for a test: unpacked into the folder of this run. */
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { inject } from 'vitest'
import { launchChromium } from './chromium.ts'

export function openBrowser(): Promise<Browser> {
  // Test files that run in parallel are separate processes, and each unpacks its own copy.
  return launchChromium(join(inject('scratch'), `chromium-${process.pid}`))
}
