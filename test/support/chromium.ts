/**
 * A real Chromium. On Linux x64, npm install brings it with its own libraries and fonts, which are unpacked
 * into a folder of the caller's. In the shared folder that the package would choose, another account could
 * plant a program, and a second account could not write. Other systems use the installed Chrome.
 */
import { execFile } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
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

const IS_PACKAGED = process.platform === 'linux' && process.arch === 'x64'

const UNPACK = `const { default: chromium } = await import('@sparticuz/chromium')
  await chromium.executablePath()`

/** Unpacks it into `folder`, which must not exist yet; does nothing where Chrome must be installed. */
export async function unpackChromium(folder: string): Promise<void> {
  if (!IS_PACKAGED) return
  mkdirSync(folder, { mode: 0o700 })
  // In a process of its own, since the package changes the environment of the one that loads it.
  await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', UNPACK], {
    cwd: fileURLToPath(new URL('.', import.meta.url)),
    // The package unpacks its own NSS only if it believes that the machine has none.
    env: { ...process.env, TMPDIR: folder, AWS_LAMBDA_JS_RUNTIME: 'nodejs24.x' },
  })
  // The package's own file names folders that exist only where it was unpacked without TMPDIR. Without a
  // font, text has no width, and an element without width counts as hidden.
  writeFileSync(
    fontsFile(folder),
    `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>${join(folder, 'fonts')}</dir>
  <cachedir>${join(folder, 'fonts-cache')}</cachedir>
</fontconfig>
`,
  )
}

/** Launches it from the folder into which it was unpacked. */
export async function launchChromium(folder: string): Promise<Browser> {
  const program: LaunchOptions = IS_PACKAGED
    ? {
        executablePath: join(folder, 'chromium'),
        env: {
          ...process.env,
          LD_LIBRARY_PATH: join(folder, 'al2023', 'lib'),
          FONTCONFIG_FILE: fontsFile(folder),
        },
      }
    : { channel: 'chrome' }
  return playwright.launch({ headless: true, args: QUIET, ...program })
}

const fontsFile = (folder: string) => join(folder, 'fonts.conf')
