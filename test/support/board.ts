/** openBoard(): the board in Chromium, signed in to a relay, with everything that it complains of. */

import { createRequire } from 'node:module'
import type { AxeResults } from 'axe-core'
import type { Browser, BrowserContextOptions, Page, Route } from 'playwright-core'
import { boardAddress } from '../../scripts/local/board-link.ts'
import type { TestRelay } from './relay.ts'

export interface OpenOptions extends BrowserContextOptions {
  /** The fragment to open. */
  at?: string
  /** Opens the board without signing in. */
  signedOut?: boolean
  /** Whether the test moves the page's clock: page.clock. */
  hasClock?: boolean
}

export async function openBoard(browser: Browser, relay: TestRelay, options: OpenOptions = {}) {
  const { at, signedOut, hasClock, ...context } = options
  const opened = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    // Requests that a service worker sees go past the answers that a test puts in the relay's place.
    serviceWorkers: 'block',
    ...context,
  })
  const page = await opened.newPage()
  // Shorter than a test may take, so that a failure names the step that waited.
  page.setDefaultTimeout(10_000)
  if (hasClock) await page.clock.install()
  const complaints: string[] = []
  page.on('console', (message) => {
    // The browser's message about an answer such as 401 is not a complaint of the page.
    if (
      /^(error|warning)$/.test(message.type()) &&
      !/Failed to load|blocked by Playwright/.test(message.text())
    ) {
      complaints.push(message.text())
    }
  })
  page.on('pageerror', (error) => complaints.push(error.stack ?? error.message))
  page.on('dialog', (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  page.on('request', (request) => {
    if (!request.url().startsWith(relay.url) && !request.url().startsWith('data:')) {
      complaints.push(`request to ${request.url()}`)
    }
  })
  await page.goto(signedOut ? `${relay.url}/board/` : await linkOf(relay))
  if (!signedOut) await page.locator('.app').waitFor()
  if (at) await go(page, at)
  return {
    page,
    context: opened,
    complaints,

    /** Makes it ask for news now, as when the machine is online again, and not within three seconds. */
    look: () => page.evaluate(`dispatchEvent(new Event('online'))`),

    async [Symbol.asyncDispose]() {
      // A request that waits may be on its way through a test's own answers.
      await page.unrouteAll({ behavior: 'ignoreErrors' })
      await opened.close()
    },
  }
}

/** Waits until the page shows its latest data: a request after the others, and two frames. */
export async function settle(page: Page): Promise<void> {
  await page.evaluate(`fetch('/health').then((response) => response.text())`)
  await page.evaluate(
    'new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))',
  )
}

/** The board's address with a code that signs in once, as npm start prints it. */
export function linkOf({ url, key, userId }: TestRelay, now = Date.now()): Promise<string> {
  return boardAddress(url, { apiKey: key, publicUrl: undefined, userId }, true, now)
}

/** Goes to another place of the board. */
export async function go(page: Page, fragment: string): Promise<void> {
  await page.evaluate(`location.hash = ${JSON.stringify(fragment)}`)
}

/** Sends what is in the field, without the time to undo. */
export async function sendNow(page: Page): Promise<void> {
  await page.locator('#write').press('Control+Enter')
  await page.locator('#write').press('Control+Enter')
}

/** Answers the calls of a tool that match, in place of the relay; undefined lets one through. */
export async function interceptCalls(
  page: Page,
  tool: string,
  handle: (args: Record<string, unknown>, route: Route) => Promise<unknown> | undefined,
): Promise<void> {
  await page.route('**/mcp', async (route) => {
    const { params } = route.request().postDataJSON()
    const handled = params.name === tool ? handle(params.arguments, route) : undefined
    await (handled ?? route.fallback())
  })
}

/** How many pixels of the page or of a pane run out of it sideways. A part that a chunk of messages clips counts. */
export function findOverflow(page: Page): Promise<number> {
  return page.evaluate(
    `Math.max(...[document.documentElement, ...document.querySelectorAll('.app, .list, .scroll, .chunk')]
      .filter((each) => each.checkVisibility())
      .map((each) => each.scrollWidth - each.clientWidth))`,
  )
}

/** The faults that axe-core finds on the page: one line for each rule. */
export async function findBarriers(page: Page): Promise<string[]> {
  await page.evaluate(createRequire(import.meta.url)('axe-core').source)
  // Of a text that appears, it would take the contrast of that moment.
  await page.evaluate(`Promise.allSettled(document.getAnimations()
    .filter((each) => each.effect.getComputedTiming().endTime < 1_000)
    .map((each) => each.finished))`)
  const { violations } = (await page.evaluate('axe.run()')) as AxeResults
  return violations.map(
    ({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`,
  )
}
