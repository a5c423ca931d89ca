/** The browser that the other tests use. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, inject, test } from 'vitest'
import { openBrowser } from '../support/browser.ts'

test.runIf(process.platform === 'linux' && process.arch === 'x64')(
  'it runs from a folder of this run’s, which only this account can read',
  async () => {
    const browser = await openBrowser()
    const folder = join(inject('scratch'), `chromium-${process.pid}`)
    expect(statSync(folder).mode & 0o077).toBe(0)
    expect(readdirSync(folder)).toContain('chromium')
    const [running] = readdirSync('/proc')
      .filter((pid) => /^\d+$/.test(pid))
      .map((pid) => commandOf(pid))
      .filter((command) => command.startsWith(join(folder, 'chromium')))
    expect(running).toBeDefined()
    await browser.close()
  },
)

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return ''
  }
}
