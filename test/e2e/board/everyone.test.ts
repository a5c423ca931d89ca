/** The board for everyone: without barriers in every state, by keyboard, on a phone. */
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { seed } from '../../shots/seed.ts'
import { findBarriers, findOverflow, go, openBoard, sendNow } from '../../support/board.ts'
import { openBrowser } from '../../support/browser.ts'
import { createTestRelay } from '../../support/relay.ts'

let browser: Browser
beforeAll(async () => {
  browser = await openBrowser()
})
afterAll(() => browser.close())

const PLACES = [
  ['#/', 'Nothing waits for you|One thing only you can decide'],
  ['#/t/billing-migration', 'One thing only you can decide'],
  ['#/search?q=dead+letter', 'auth-refactor'],
  ['#/search?q=unicorn', 'No message contains'],
  ['#/connect', 'Address of this relay'],
  ['#/new', 'One topic per thread'],
  ['#/t/nothing', 'There is no such thread'],
  ['#/t/pricing-notes', '^Taken back$'],
  ['#/connections', 'this board'],
  ['#/readers', 'has its own bookmark'],
] as const

test.each([
  ['desktop, light', {}],
  ['desktop, dark', { colorScheme: 'dark' }],
  ['phone, light', { viewport: { width: 390, height: 844 }, hasTouch: true }],
  ['phone, dark', { viewport: { width: 390, height: 844 }, hasTouch: true, colorScheme: 'dark' }],
] as const)('on %s, axe finds nothing and nothing runs out of the page', async (_, options) => {
  await using relay = await createTestRelay()
  await seed(relay.url, relay.key)
  await using board = await openBoard(browser, relay, options)
  const { page, complaints } = board
  for (const [place, text] of PLACES) {
    await go(page, place)
    await page.getByText(new RegExp(text)).first().waitFor({ state: 'attached' })
    expect(await findBarriers(page), place).toEqual([])
    expect(await findOverflow(page), place).toBe(0)
  }
  await go(page, '#/t/billing-migration')
  await page.getByRole('button', { name: 'More actions' }).click()
  expect(await findBarriers(page), 'menu').toEqual([])
  await page.keyboard.press('Escape')
  await page.locator('body').press('?')
  expect(await findBarriers(page), 'help').toEqual([])
  await page.keyboard.press('Escape')
  await go(page, '#/connections')
  await page.locator('.cut-ones summary').click()
  await page.getByRole('button', { name: 'Disconnect laptop' }).click()
  expect(await findBarriers(page), 'disconnect').toEqual([])
  expect(await findOverflow(page), 'disconnect').toBe(0)
  await go(page, '#/t/auth-refactor')
  for (const item of ['Name and description', 'Delete']) {
    await page.getByRole('button', { name: 'More actions' }).click()
    await page.getByRole('menuitem', { name: item }).click()
    await page.getByRole('dialog').waitFor()
    expect(await findBarriers(page), item).toEqual([])
    await page.keyboard.press('Escape')
  }
  await go(page, '#/connect')
  await page.getByLabel('Name of the client').fill('tablet')
  await page.getByRole('button', { name: 'Make the key' }).click()
  expect(await findBarriers(page), 'no key').toEqual([])
  await page.getByLabel('Key of the relay itself').fill(relay.key)
  await page.getByRole('button', { name: 'Make the key' }).click()
  await page.getByLabel('Key of tablet').waitFor()
  expect(await findBarriers(page), 'key').toEqual([])
  expect(await findOverflow(page), 'key').toBe(0)
  expect(complaints).toEqual([])
})

test('signed out and on a first visit, axe finds nothing', async () => {
  await using relay = await createTestRelay()
  await using out = await openBoard(browser, relay, { signedOut: true })
  await out.page.getByRole('button', { name: 'Sign in' }).waitFor()
  expect(await findBarriers(out.page)).toEqual([])
  await using first = await openBoard(browser, relay)
  await first.page.getByText('Connect your first session').waitFor()
  expect(await findBarriers(first.page)).toEqual([])
})

test('with only the keyboard: find a thread, read, answer, archive, undo', async () => {
  await using relay = await createTestRelay()
  await seed(relay.url, relay.key)
  await using board = await openBoard(browser, relay)
  const { page } = board
  const { keyboard } = page
  await page
    .getByRole('link', { name: /billing-migration/ })
    .first()
    .waitFor()
  // The messages that wait come first, then the threads.
  await page.locator('.pane .item').nth(2).waitFor()
  for (const _ of [1, 2, 3, 4]) await keyboard.press('j')
  await page.getByRole('heading', { name: 'billing-migration' }).waitFor()
  await keyboard.press('j')
  await page.getByRole('heading', { name: 'ledger-index' }).waitFor()
  await keyboard.press('k')
  await page.getByRole('heading', { name: 'billing-migration' }).waitFor()
  await page.locator('.msg').getByText('One thing only you can decide').waitFor()
  await page.locator('.scroll').focus()
  await keyboard.press('ArrowUp')
  await expect.poll(() => page.evaluate('document.activeElement.dataset.seq')).toBe('6')
  await keyboard.press('ArrowUp')
  expect(await page.evaluate('document.activeElement.dataset.seq')).toBe('5')
  await keyboard.press('c')
  await keyboard.type('A cent is only a line in the report.')
  await sendNow(page)
  await page.getByRole('article', { name: /^You/ }).waitFor()
  // Archived before the relay has the message, the thread would be reopened by it.
  await page.locator('[data-seq="7"]').waitFor()
  await keyboard.press('Escape')
  await keyboard.press('Shift+E')
  await page.getByText('Archived. A new message reopens it.').waitFor()
  await keyboard.press('Shift+E')
  await expect.poll(() => page.getByText('Archived. A new message reopens it.').count()).toBe(0)
  await keyboard.press('?')
  await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor()
  await keyboard.press('Escape')
  expect(await page.getByRole('dialog').count()).toBe(0)
})

test('with only the keyboard: take a text back, undo it, rename a thread', async () => {
  await using relay = await createTestRelay()
  await seed(relay.url, relay.key)
  await using board = await openBoard(browser, relay, { at: '#/t/release-2-4' })
  const { page } = board
  const { keyboard } = page
  await page.locator('[data-seq="1"]').focus()
  await page.getByRole('button', { name: 'Actions for message 1' }).press('Enter')
  await keyboard.press('End')
  await keyboard.press('Enter')
  await page.locator('.msg').getByText('Taken back').waitFor()
  await page.getByRole('button', { name: 'Undo' }).press('Enter')
  await page.locator('.msg').getByText('ja lacks 14 keys').waitFor()
  await page.getByRole('button', { name: 'More actions' }).press('Enter')
  await page.getByRole('menuitem', { name: 'Name and description' }).press('Enter')
  await expect.poll(() => page.evaluate('document.activeElement.id')).toBe('thread-name')
  await keyboard.press('Control+a')
  await keyboard.type('release-2-5')
  await keyboard.press('Enter')
  await page.getByRole('heading', { name: 'release-2-5' }).waitFor()
})

test('on a phone a thread takes the place of the list, and Back returns to it', async () => {
  await using relay = await createTestRelay()
  await seed(relay.url, relay.key)
  await using board = await openBoard(browser, relay, {
    viewport: { width: 390, height: 844 },
    hasTouch: true,
    isMobile: true,
  })
  const { page } = board
  const row = page.getByRole('link', { name: /^release-2-4/ })
  await row.tap()
  await page.locator('.msg').getByText('ja lacks 14 keys').waitFor()
  expect(await row.isVisible()).toBe(false)
  const focused = () => page.evaluate('document.activeElement.textContent')
  await expect.poll(focused).toBe('release-2-4')
  // A link in a line of text is as high as the line; a seq and a name reach beyond their boxes.
  const findSmall = () =>
    page.evaluate(`[...document.querySelectorAll('a, button, input, textarea, summary')]
      .filter((each) => each.checkVisibility() && !each.closest('.skip, .md p, .md li, td'))
      .map((each) => {
        // A finger meets its label.
        const { width, height } = (each.closest('label') ?? each).getBoundingClientRect()
        const { inset } = getComputedStyle(each, '::after')
        const [y, x] = inset.split(' ').map((side) => -2 * (parseFloat(side) || 0))
        return [each.ariaLabel || each.textContent, width + (x ?? y), height + y]
      })
      .filter(([, width, height]) => width < 44 || height < 44)`)
  expect(await findSmall()).toEqual([])
  await page.getByRole('link', { name: 'All threads' }).tap()
  await row.waitFor()
  await expect.poll(focused).toContain('release-2-4')
  // Nothing reaches out of the list: the page itself would scroll.
  expect(await page.evaluate('document.scrollingElement.scrollHeight')).toBe(844)
  expect(await findSmall()).toEqual([])
  await go(page, '#/search?q=keys')
  await page.locator('.hit').first().waitFor()
  expect(await findSmall()).toEqual([])
  await go(page, '#/connections')
  await page.getByRole('button', { name: 'Disconnect laptop' }).tap()
  expect(await findSmall()).toEqual([])
  await go(page, '#/connect')
  await page.getByRole('button', { name: 'Make the key' }).waitFor()
  expect(await findSmall()).toEqual([])
})
