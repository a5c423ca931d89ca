/** Where the person is in a thread: after an absence, on the way back, and while the page changes its size. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { go, openBoard } from '../../support/board.ts'
import { openBrowser } from '../../support/browser.ts'
import { createTestRelay, type TestRelay } from '../../support/relay.ts'

let browser: Browser
beforeAll(async () => {
  browser = await openBrowser()
})
afterAll(() => browser.close())

/** A thread of so many messages, all of them read. */
async function createThread(relay: TestRelay, count: number, text = 'words '.repeat(60)) {
  const post = { thread_name: 'long', content: 'line 1', surface: 'code' }
  await relay.call('relay_post_message', post)
  const pool = relay.database.pool(1, 'postgres')
  await pool.query(
    `insert into relay_messages (thread_id, user_id, surface, content, seq)
     select t.id, t.user_id, 'code', 'line ' || i || E'\\n\\n' || $2, i
     from relay_threads t, generate_series(2, $1) i`,
    [count, text],
  )
  await pool.query(`update relay_threads set last_seq = ${count}, message_count = ${count}`)
  const read = { reader_tag: 'board', thread_name: 'long', ack_seq: count, peek: true }
  await relay.call('relay_check_new', read)
}

const post = (relay: TestRelay, content: string) =>
  relay.call('relay_post_message', { thread_name: 'long', content, surface: 'code' })

/** How far below the top of the box a message begins. */
const topOf = (page: Page, seq: number): Promise<number> =>
  page.evaluate(`(() => {
    const box = document.querySelector('.scroll')
    const at = box.querySelector('[data-seq="${seq}"]')
    return at ? at.getBoundingClientRect().top - box.getBoundingClientRect().top : -1e6
  })()`)

/** Waits until the page has stood still for as long as it keeps the place. */
async function rest(page: Page): Promise<void> {
  await page.evaluate(`new Promise((resolve) => setTimeout(resolve, 300))`)
}

const hide = (page: Page, isHidden: boolean) =>
  page.evaluate(`Object.defineProperty(document, 'hidden', { value: ${isHidden}, configurable: true })
    document.dispatchEvent(new Event('visibilitychange'))`)

test('messages that came while the page was hidden have a line, and the view stops at it', async () => {
  await using relay = await createTestRelay()
  await createThread(relay, 30)
  await using board = await openBoard(browser, relay, { at: '#/t/long' })
  const { page } = board
  await page.locator('[data-seq="30"]').waitFor()
  await hide(page, true)
  for (let i = 31; i <= 55; i += 1) await post(relay, `line ${i}\n\n${'words '.repeat(60)}`)
  await hide(page, false)
  await page.locator('.day.new', { hasText: '25 new' }).waitFor()
  await expect.poll(() => topOf(page, 31)).toBeGreaterThan(0)
  expect(await topOf(page, 31)).toBeLessThan(120)
  const pill = page.locator('.pill')
  await expect.poll(() => pill.innerText()).toMatch(/^(1\d|2\d) new/)
  // Again while what is above it takes its height, as a person would.
  await expect
    .poll(async () => {
      await page.locator('body').press('End')
      return [await pill.count(), await page.locator('[data-seq="55"]').count()]
    })
    .toEqual([0, 1])
  // One that comes while the person looks has no line.
  await post(relay, 'line 56')
  await page.locator('[data-seq="56"]').waitFor()
  expect(await page.locator('.day.new').innerText()).toContain('25 new')
})

test('more than fits does not pass by while the person writes', async () => {
  await using relay = await createTestRelay()
  await createThread(relay, 20)
  await using board = await openBoard(browser, relay, { at: '#/t/long' })
  const { page } = board
  await page.locator('[data-seq="20"]').waitFor()
  await page.getByRole('textbox', { name: 'Write to long' }).fill('I am writing')
  await post(relay, `line 21\n\n${'words\n\n'.repeat(60)}`)
  await page.locator('.day.new', { hasText: '1 new' }).waitFor()
  expect(await topOf(page, 21)).toBeGreaterThan(0)
})

test('Back and a reload return to the message and to the results one was at', async () => {
  await using relay = await createTestRelay()
  await createThread(relay, 200)
  await relay.call('relay_post_message', { thread_name: 'b', content: 'other', surface: 'code' })
  await using board = await openBoard(browser, relay, { at: '#/t/long/120' })
  const { page } = board
  await page.locator('.msg.target').waitFor()
  await page.locator('.scroll').hover()
  await page.mouse.wheel(0, -2_500)
  await rest(page)
  const seen = (await page.evaluate(`[...document.querySelectorAll('.msg')].find((each) =>
    each.getBoundingClientRect().top > 250).dataset.seq`)) as string
  const seq = Number(seen)
  expect(seq).toBeLessThan(115)
  const before = await topOf(page, seq)
  const isThere = () =>
    expect.poll(async () => Math.abs((await topOf(page, seq)) - before)).toBeLessThan(8)
  await page.getByRole('link', { name: /^b/ }).click()
  await page.locator('.msg').getByText('other').waitFor()
  await page.goBack()
  await isThere()
  await page.reload()
  await isThere()
  // A narrower window has longer messages.
  await page.setViewportSize({ width: 800, height: 700 })
  await rest(page)
  expect(Math.abs((await topOf(page, seq)) - before)).toBeLessThan(350)
  await page.setViewportSize({ width: 1280, height: 800 })

  await go(page, '#/search?q=line')
  await page.locator('.hit').nth(40).scrollIntoViewIfNeeded()
  await rest(page)
  const scrolled = () => page.evaluate(`document.querySelector('.scroll').scrollTop`)
  const place = await scrolled()
  expect(place).toBeGreaterThan(300)
  await page.locator('.hit').nth(40).click()
  await page.locator('.msg.target').waitFor()
  await page.goBack()
  await page.locator('.hit').first().waitFor()
  await expect.poll(scrolled).toBe(place)
})

test('a long message that is folded again keeps its head in sight', async () => {
  await using relay = await createTestRelay()
  await createThread(relay, 30)
  await post(relay, `# Report\n\n${'- a line of it\n'.repeat(1_200)}`)
  for (let i = 0; i < 30; i += 1) await post(relay, `line ${i}\n\n${'words '.repeat(60)}`)
  await using board = await openBoard(browser, relay, { at: '#/t/long/31' })
  const { page } = board
  await page.locator('.msg.target').waitFor()
  await page.getByRole('button', { name: /^Show all/ }).click()
  const less = page.getByRole('button', { name: 'Show less' })
  await less.waitFor()
  // In reach before its end.
  await expect.poll(() => less.boundingBox().then((box) => (box?.y ?? 0) < 800)).toBe(true)
  await page.locator('.scroll').hover()
  await page.mouse.wheel(0, 8_000)
  await rest(page)
  await less.click()
  await expect.poll(() => topOf(page, 31)).toBeGreaterThan(0)
  expect(await topOf(page, 31)).toBeLessThan(120)
})
