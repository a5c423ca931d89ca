/**
 * A real Chromium. On Linux x64, npm install brings it with its own libraries, which are unpacked into a
 * folder of the caller's. In the shared folder that the package would choose, another account could plant
 * a program, and a second account could not write. Other systems use the installed Chrome.
 */
import { mkdirSync } from 'node:fs'
import { type Browser, type LaunchOptions, chromium as playwright } from 'playwright-core'

/** Stops it from contacting any service. */
const QUIET = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** Launches it; `folder` is where it may be unpacked. */
export async function launchChromium(folder: string): Promise<Browser> {
  return playwright.launch({ headless: true, ...(await findChromium(folder)) })
}

async function findChromium(folder: string): Promise<LaunchOptions> {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return { channel: 'chrome', args: QUIET }
  }
  // Read when the package is loaded: it unpacks its own NSS only if it believes the machine has none.
  process.env.AWS_LAMBDA_JS_RUNTIME ??= 'nodejs22.x'
  const { TMPDIR } = process.env
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
