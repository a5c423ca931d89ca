/** The browser that the other tests use. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, inject, test } from 'vitest'
import { openBrowser } from '../support/browser.ts'

/** Where it comes with `npm install`. */
const testPackaged = test.runIf(process.platform === 'linux' && process.arch === 'x64')

testPackaged('it runs from a folder of this run, which only this account can read', async () => {
  const browser = await openBrowser()
  const folder = join(inject('scratch'), 'chromium')
  expect(statSync(folder).mode & 0o077).toBe(0)
  const [running] = readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid))
    .map((pid) => commandOf(pid))
    .filter((command) => command.startsWith(join(folder, 'chromium')))
  expect(running).toBeDefined()
  await browser.close()
})

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return ''
  }
}

test('text has a width of its own', async () => {
  const browser = await openBrowser()
  const page = await browser.newPage()
  await page.setContent('<span>relay</span><span>a longer relay</span><code>relay</code>')
  const widths: number[] = await page.evaluate(
    '[...document.body.children].map((each) => each.getBoundingClientRect().width)',
  )
  const [word = 0, phrase = 0, code = 0] = widths
  expect(word).toBeGreaterThan(0)
  expect(phrase).toBeGreaterThan(word)
  expect(code).toBeGreaterThan(0)
  await browser.close()
})

testPackaged('its fonts are its own, whatever the machine has', async () => {
  const browser = await openBrowser()
  const page = await browser.newPage()
  await page.setContent('<p style="font-family: sans-serif">relay</p>')
  const devtools = await page.context().newCDPSession(page)
  await devtools.send('DOM.enable')
  await devtools.send('CSS.enable')
  const { root } = await devtools.send('DOM.getDocument')
  const { nodeId } = await devtools.send('DOM.querySelector', {
    nodeId: root.nodeId,
    selector: 'p',
  })
  const { fonts } = await devtools.send('CSS.getPlatformFontsForNode', { nodeId })
  expect(fonts).toMatchObject([{ familyName: 'Open Sans', glyphCount: 5 }])
  // Only the browser's environment says where they are.
  expect(process.env).not.toHaveProperty('FONTCONFIG_FILE')
  await browser.close()
})
