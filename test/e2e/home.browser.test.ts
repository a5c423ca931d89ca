/** The page at `/` as a person meets it: in Chromium, on desk and phone, in light and dark. */
import { join } from 'node:path'
import type { Browser, BrowserContextOptions } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openBrowser } from '../support/browser.ts'
import { createTestRelay, type TestRelay } from '../support/relay.ts'

const PHONE = { viewport: { width: 360, height: 740 } }

let browser: Browser
beforeAll(async () => {
  browser = await openBrowser()
})
afterAll(() => browser.close())

async function open(relay: TestRelay, options: BrowserContextOptions = {}) {
  const context = await browser.newContext(options)
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => complaints.push(message.text()))
  page.on('pageerror', (error) => complaints.push(error.message))
  await page.goto(relay.url)
  return { context, page, complaints }
}

test('a button copies the block next to it, and says that it has', async () => {
  await using relay = await createTestRelay()
  const { context, page, complaints } = await open(relay)
  await context.grantPermissions(['clipboard-read', 'clipboard-write'])
  await page.getByRole('button', { name: 'Copy the address' }).click()
  await page.getByRole('button', { name: 'Copied' }).waitFor()
  expect(await page.evaluate('navigator.clipboard.readText()')).toBe(`${relay.url}/mcp`)
  expect(complaints).toEqual([])
  await context.close()
})

test('a key that is pasted once is in every block, and goes nowhere', async () => {
  await using relay = await createTestRelay()
  const { context, page } = await open(relay)
  await context.grantPermissions(['clipboard-read', 'clipboard-write'])
  let asked = 0
  page.on('request', () => {
    asked += 1
  })
  await page.getByLabel('Key, to fill it in').fill(relay.key)
  const terminal = page.getByRole('figure').filter({ hasText: 'claude mcp add' })
  await terminal.getByRole('button').click()
  await terminal.getByText('Copied').waitFor()
  expect(await page.evaluate('navigator.clipboard.readText()')).toContain(`Bearer ${relay.key}"`)
  expect(await page.locator('body').innerText()).not.toContain(relay.key)
  expect(await page.evaluate('sessionStorage.length + localStorage.length')).toBe(0)
  expect(asked).toBe(0)
  await context.close()
})

test('over plain http the key is filled in and copied as well', async () => {
  await using relay = await createTestRelay()
  const { context, page } = await open(relay)
  await context.grantPermissions(['clipboard-read', 'clipboard-write'])
  // Over plain http a page has no clipboard, except on this machine.
  await context.addInitScript(`if (location.pathname === '/') {
    window.read = navigator.clipboard.readText.bind(navigator.clipboard)
    Object.defineProperty(Navigator.prototype, 'clipboard', { value: undefined })
  }`)
  await page.reload()
  await page.getByLabel('Key, to fill it in').fill(relay.key)
  const terminal = page.getByRole('figure').filter({ hasText: 'claude mcp add' })
  await terminal.getByText(`${relay.key.slice(0, 4)}…`).waitFor()
  await terminal.getByRole('button').click()
  await terminal.getByText('Copied').waitFor()
  expect(await page.evaluate('window.read()')).toContain(`Bearer ${relay.key}"`)
  await context.close()
})

test('without JavaScript the page says that it needs it', async () => {
  await using relay = await createTestRelay()
  const { context, page } = await open(relay, { javaScriptEnabled: false })
  // Searching by text passes over this element, which is read only without JavaScript.
  const sentence = page.locator('noscript p')
  await sentence.waitFor()
  expect(await sentence.innerText()).toContain('This page needs JavaScript')
  await context.close()
})

test('with only the keyboard, a section opens and its block is reached', async () => {
  await using relay = await createTestRelay()
  const { context, page } = await open(relay)
  const summary = page.locator('summary', { hasText: 'Codex' })
  await summary.focus()
  await page.keyboard.press('Enter')
  await page.keyboard.press('Tab')
  const focused = () => page.evaluate('document.activeElement.textContent')
  expect(await focused()).toBe('Copy')
  await page.keyboard.press('Tab')
  expect(await focused()).toContain('[mcp_servers.relay]')
  await context.close()
})

test.each([
  ['desktop, light', {}],
  ['desktop, dark', { colorScheme: 'dark' }],
  ['phone, light', PHONE],
  ['phone, dark', { ...PHONE, colorScheme: 'dark' }],
] as [string, BrowserContextOptions][])(
  'on %s nothing runs out of the page, whatever is open',
  async (name, options) => {
    await using relay = await createTestRelay()
    const { context, page, complaints } = await open(relay, options)
    for (const summary of await page.locator('summary').all()) {
      await summary.click()
      const overflow = await page.evaluate(
        'document.documentElement.scrollWidth - document.documentElement.clientWidth',
      )
      expect(overflow).toBe(0)
    }
    await page.locator('summary', { hasText: 'Cursor' }).click()
    await shoot(page, `home ${name}`)
    expect(complaints).toEqual([])
    await context.close()
  },
)

test.each([
  ['desktop', {}],
  ['phone', { ...PHONE, colorScheme: 'dark' }],
] as [string, BrowserContextOptions][])(
  'on %s what is missing is a list',
  async (name, options) => {
    const none = {
      RELAY_API_KEY: undefined,
      RELAY_USER_ID: 'x',
      SUPABASE_URL: undefined,
      SUPABASE_SERVICE_KEY: undefined,
    }
    await using relay = await createTestRelay({ bindings: none })
    const { context, page } = await open(relay, options)
    await expect.poll(() => page.getByRole('listitem').count()).toBe(4)
    await shoot(page, `home incomplete ${name}`)
    await context.close()
  },
)

/** Saves what it looks like into the folder SCREENSHOTS, when that is set. */
async function shoot(page: { screenshot(options: object): Promise<unknown> }, name: string) {
  const { SCREENSHOTS: folder } = process.env
  if (folder) {
    const path = join(folder, `${name.replaceAll(/\W+/g, '-')}.png`)
    await page.screenshot({ path, fullPage: true })
  }
}
