/** Long threads and long texts: what is in the page of them, and that they can be used as short ones are. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findBarriers, go, openBoard, sendNow } from '../../support/board.ts'
import { openBrowser } from '../../support/browser.ts'
import { createTestRelay, type TestRelay } from '../../support/relay.ts'

let browser: Browser
beforeAll(async () => {
  browser = await openBrowser()
})
afterAll(() => browser.close())

/** A thread of so many messages, all of them read. */
async function createThread(relay: TestRelay, count: number, words = 40) {
  await relay.call('relay_post_message', {
    thread_name: 'long',
    content: 'line 1',
    surface: 'code',
  })
  const pool = relay.database.pool(1, 'postgres')
  await pool.query(
    `insert into relay_messages (thread_id, user_id, surface, content, seq)
     select t.id, t.user_id, 'code', 'line ' || i || E'\\n\\n' || repeat('words ', $2), i
     from relay_threads t, generate_series(2, $1) i`,
    [count, words],
  )
  await pool.query(`update relay_threads set last_seq = ${count}, message_count = ${count}`)
  const read = { reader_tag: 'board', thread_name: 'long', ack_seq: count, peek: true }
  await relay.call('relay_check_new', read)
}

const post = (relay: TestRelay, content: string) =>
  relay.call('relay_post_message', { thread_name: 'long', content, surface: 'code' })

/** Scrolls up until a message is loaded, and returns the most elements that the page had on the way. */
async function scrollUpTo(page: Page, seq: number): Promise<number> {
  await page.locator('.scroll').hover()
  let most = 0
  await expect
    .poll(
      async () => {
        await page.mouse.wheel(0, -1_500)
        most = Math.max(
          most,
          (await page.evaluate(`document.querySelectorAll('*').length`)) as number,
        )
        return page.evaluate(`Number(document.querySelector('.msg').dataset.seq)`)
      },
      { timeout: 25_000, interval: 20 },
    )
    .toBeLessThanOrEqual(seq)
  return most
}

const isInPage = async (page: Page, seq: number) =>
  (await page.locator(`[data-seq="${seq}"]`).count()) > 0

test('only messages near the screen are in the page, and the way back to the others is the same', async () => {
  await using relay = await createTestRelay()
  await createThread(relay, 1_000)
  await using board = await openBoard(browser, relay, { at: '#/t/long' })
  const { page, complaints } = board
  await page.locator('[data-seq="1000"]').waitFor()
  const most = await scrollUpTo(page, 400)
  expect(most).toBeLessThan(12_000)
  expect(await isInPage(page, 1_000)).toBe(false)
  expect(await page.locator('.chunk').count()).toBeGreaterThan(10)
  // An address of a message that has left the page.
  await go(page, '#/t/long/905')
  await page.locator('.msg.target').waitFor()
  await expect
    .poll(() =>
      page
        .locator('.msg.target')
        .boundingBox()
        .then((box) => box?.y),
    )
    .toBeGreaterThan(60)
  expect((await page.locator('.msg.target').boundingBox())?.y).toBeLessThan(700)
  await page.locator('body').press('End')
  await expect(
    page
      .locator('[data-seq="1000"]')
      .boundingBox()
      .then((box) => box?.y),
  ).resolves.toBeLessThan(800)
  // A message that was away and is back is read once it has been on screen.
  await post(relay, 'line 1001')
  await page.locator('[data-seq="1001"]').waitFor()
  await expect
    .poll(async () => {
      const { structuredContent } = await relay.call('relay_list_threads', { reader_tag: 'board' })
      return structuredContent.threads[0].unread_count
    })
    .toBe(0)
  expect(complaints).toEqual([])
})

test('the parts that the person has opened, focused or selected stay in the page; printing brings back all', async () => {
  await using relay = await createTestRelay()
  await createThread(relay, 600)
  await post(relay, `# Report\n\n${'- a line of it\n'.repeat(600)}`)
  await using board = await openBoard(browser, relay, { at: '#/t/long' })
  const { page } = board
  await page.getByRole('button', { name: /^Show all/ }).click()
  await page.getByRole('button', { name: 'Show less' }).waitFor()
  await scrollUpTo(page, 450)
  await page.getByText('line 470', { exact: true }).click()
  await page.locator('[data-seq="470"]').focus()
  await scrollUpTo(page, 200)
  expect(await page.getByRole('button', { name: 'Show less' }).count()).toBe(1)
  expect(await page.evaluate(`document.activeElement.dataset.seq`)).toBe('470')
  expect(await isInPage(page, 530)).toBe(false)
  await page.evaluate(`document.activeElement.blur()`)
  await expect.poll(() => isInPage(page, 470)).toBe(false)
  await page.evaluate(`dispatchEvent(new Event('beforeprint'))`)
  expect(await isInPage(page, 530)).toBe(true)
  await page.emulateMedia({ media: 'print' })
  expect(await page.locator('.printed').innerText()).toMatch(/^Messages \d+–601 of 601$/)
  await page.emulateMedia({ media: 'screen' })
  await page.evaluate(`dispatchEvent(new Event('afterprint'))`)
  await expect.poll(() => isInPage(page, 530)).toBe(false)
})

test('a long text is typed on in its own direction, and sent whole', async () => {
  await using relay = await createTestRelay()
  await post(relay, 'hello')
  await using board = await openBoard(browser, relay, { at: '#/t/long' })
  const { page } = board
  const field = page.locator('#write')
  const direction = () =>
    page.evaluate(`getComputedStyle(document.querySelector('#write')).direction`)
  for (const [word, expected] of [
    ['words ', 'ltr'],
    ['1. שלום ', 'rtl'],
  ] as const) {
    const text = word.repeat(Math.floor(90_000 / word.length))
    await field.fill(text)
    await field.press('ArrowRight')
    await field.press('End')
    await field.pressSequentially('end')
    expect(await direction()).toBe(expected)
    await sendNow(page)
    await expect.poll(() => field.inputValue()).toBe('')
    const last = async () => {
      const { structuredContent } = await relay.call('relay_read_thread', {
        thread_name: 'long',
        limit: 1,
        max_chars: 100_000,
      })
      return structuredContent.messages[0].content
    }
    await expect.poll(last).toBe(`${text}end`)
  }
})

test('a long report has an outline, and a head that stays at the top', async () => {
  await using relay = await createTestRelay()
  const part = (heading: string) => `## ${heading}\n\n${'words '.repeat(300)}\n\n`
  await relay.call('relay_post_message', {
    thread_name: 'long',
    content: `# Load report\n\n${['Before', 'During', '`After`'].map(part).join('')}`,
    surface: 'code',
    reader_tag: 'nightly',
  })
  await post(relay, 'line\n'.repeat(1_500))
  await using board = await openBoard(browser, relay, { at: '#/t/long/1' })
  const { page } = board
  const report = page.locator('[data-seq="1"]')
  await report.getByRole('button', { name: /^Show all/ }).click()
  const outline = page.getByRole('navigation', { name: 'Outline of message 1' })
  // The title stands in the head.
  expect(await outline.getByRole('listitem').allInnerTexts()).toEqual(['Before', 'During', 'After'])
  await outline.getByRole('button', { name: 'During' }).click()
  const heading = report.getByRole('heading', { name: 'During' })
  const top = (await page.locator('.scroll').boundingBox())?.y ?? 0
  await expect.poll(async () => ((await heading.boundingBox())?.y ?? 0) - top).toBeLessThan(120)
  expect(await heading.evaluate((each) => each.ownerDocument.activeElement === each)).toBe(true)
  for (const name of ['Load report', 'nightly']) {
    const box = await report
      .getByText(name, { exact: true })
      .locator('visible=true')
      .first()
      .boundingBox()
    expect((box?.y ?? 0) - top).toBeLessThan(48)
  }
  // The heading is not under the head.
  const head = await report.locator('.doc-head').boundingBox()
  expect((await heading.boundingBox())?.y).toBeGreaterThanOrEqual(
    (head?.y ?? 0) + (head?.height ?? 0) - 1,
  )
  await report.getByRole('button', { name: 'Show less' }).click()
  await report.getByRole('button', { name: /^Show all/ }).waitFor()
  // A text without headings has none.
  const log = page.locator('[data-seq="2"]')
  await log.getByRole('button', { name: /^Show all/ }).click()
  await log.getByRole('button', { name: 'Show less' }).waitFor()
  expect(await log.getByRole('button', { name: 'Outline' }).count()).toBe(0)
  expect(await findBarriers(page)).toEqual([])

  await page.setViewportSize({ width: 390, height: 800 })
  await report.getByRole('button', { name: /^Show all/ }).click()
  const toggle = report.getByRole('button', { name: 'Outline' })
  expect(await toggle.getAttribute('aria-expanded')).toBe('false')
  await toggle.click()
  await outline.getByRole('button', { name: 'After' }).waitFor()
})
