/**
 * A real Chromium. On Linux x64 it comes with npm install and brings its own libraries; elsewhere the
 * installed Chrome is used.
 */
import { type Browser, type LaunchOptions, chromium as playwright } from 'playwright-core'

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
  const { default: chromium } = await import('@sparticuz/chromium')
  return { executablePath: await chromium.executablePath(), args: QUIET }
}
