/**
 * A real Chromium. On Linux x64 it comes with npm install and brings its own libraries, unpacked into a
 * folder of this run's: in the shared one that the package would choose, another account could have
 * put a program of its own, and a second account could not write. Elsewhere the installed Chrome is
 * used.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Browser, type LaunchOptions, chromium as playwright } from 'playwright-core'
import { inject } from 'vitest'

/** Keeps it from calling anybody. */
const QUIET = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

export async function openBrowser(): Promise<Browser> {
  return playwright.launch({ headless: true, ...(await installation()) })
}

async function installation(): Promise<LaunchOptions> {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return { channel: 'chrome', args: QUIET }
  }
  // Read when the package is loaded: it unpacks its own NSS only where it takes the machine for bare.
  process.env.AWS_LAMBDA_JS_RUNTIME ??= 'nodejs22.x'
  const { TMPDIR } = process.env
  // Test files that run at once are processes of their own, and each unpacks its own.
  const folder = join(inject('scratch'), `chromium-${process.pid}`)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  process.env.TMPDIR = folder
  try {
    const { default: chromium } = await import('@sparticuz/chromium')
    return { executablePath: await chromium.executablePath(), args: QUIET }
  } finally {
    if (TMPDIR === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = TMPDIR
  }
}
