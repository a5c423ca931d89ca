/** The messages that wait for the person: their list, its three actions, answers and their receipts. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { go, interceptCalls, linkOf, openBoard, sendNow, settle } from '../../support/board.ts'
import { openBrowser } from '../../support/browser.ts'
import { createTestRelay, type TestRelay } from '../../support/relay.ts'

let browser: Browser
beforeAll(async () => {
  browser = await openBrowser()
})
afterAll(() => browser.close())

const ask = (relay: TestRelay, thread_name: string, content: string, more: object = {}) =>
  relay.call('relay_post_message', {
    thread_name,
    content,
    surface: 'code',
    reader_tag: 'laptop-code',
    to: 'board',
    ...more,
  })

const rows = (page: Page) => page.locator('.pane .item:not(.settled)')

/** The seqs of the open messages to the person, as the relay has them. */
async function findOpen(relay: TestRelay): Promise<string[]> {
  const { structuredContent } = await relay.call('relay_read_thread', { open: true, to: 'board' })
  return structuredContent.messages.map(
    ({ thread_name, seq }: { thread_name: string; seq: number }) => `${thread_name} ${seq}`,
  )
}

async function readLast(relay: TestRelay, thread_name: string) {
  const args = { thread_name, limit: 1 }
  return (await relay.call('relay_read_thread', args)).structuredContent.messages[0]
}

test('messages that wait are counted apart from what is unread, and leave when they are done', async () => {
  await using relay = await createTestRelay()
  await ask(relay, 'plan', 'Report.\n\nMay I go on?')
  await ask(relay, 'plan', 'By the way', { to: 'phone-chat' })
  await ask(relay, 'index', 'Drop it?\n\n```sql\ndrop index a;\n```')
  await using board = await openBoard(browser, relay)
  const { page, complaints } = board
  await expect.poll(() => rows(page).count()).toBe(2)
  expect(await rows(page).first().innerText()).toMatch(
    /laptop-code\s+in index[\s\S]*Drop it\?\s+drop index a;/,
  )
  await expect.poll(() => page.title()).toBe('(2) For you · Relay')
  expect(await page.locator('.side .count').innerText()).toMatch(/^2/)
  expect(await page.getByRole('link', { name: /^plan/ }).locator('.num').innerText()).toMatch(/^2/)
  // One that comes is there without a look.
  await ask(relay, 'late', 'And this?')
  await page.locator('.pane').getByText('And this?').waitFor()
  await expect.poll(() => page.title()).toBe('(3) For you · Relay')

  await page.keyboard.press('j')
  await page.keyboard.press('j')
  await page.keyboard.press('e')
  await page.getByText('Done: “Drop it?').waitFor()
  await expect.poll(() => rows(page).count()).toBe(2)
  await expect.poll(() => findOpen(relay)).toEqual(['late 1', 'plan 1'])
  await page.keyboard.press('z')
  await expect.poll(() => rows(page).count()).toBe(3)
  await expect.poll(() => findOpen(relay)).toEqual(['late 1', 'index 1', 'plan 1'])
  // Elsewhere: it stays, struck, until the person leaves.
  await relay.call('relay_post_message', {
    thread_name: 'index',
    content: 'Yes',
    surface: 'other',
    reader_tag: 'board',
    reply_to: 1,
  })
  // The relay does not wake a reader for its own posts.
  await board.look()
  await page.getByText('Answered or done elsewhere').waitFor()
  await expect.poll(() => page.title()).toBe('(2) For you · Relay')
  await go(page, '#/t/plan')
  await page.getByRole('link', { name: /^And this/ }).waitFor()
  await go(page, '#/')
  await expect.poll(() => rows(page).count()).toBe(2)
  expect(await page.locator('.item.settled').count()).toBe(0)
  expect(complaints).toEqual([])
})

test('a message that is put off comes back at its time, or when it is brought back', async () => {
  await using relay = await createTestRelay()
  await ask(relay, 'plan', 'May I go on?')
  await using board = await openBoard(browser, relay, { hasClock: true })
  const { page } = board
  await rows(page).waitFor()
  await page.keyboard.press('h')
  await page.getByRole('menuitem', { name: /^In an hour/ }).press('Enter')
  await page.getByText('Nothing waits for you').waitFor()
  await expect.poll(() => page.title()).toBe('For you · Relay')
  await page.reload()
  await page.getByText('Nothing waits for you').waitFor()
  await page.locator('.folds summary').click()
  await page.getByRole('button', { name: 'Bring back' }).click()
  await rows(page).waitFor()
  await page.keyboard.press('h')
  await page.getByRole('menuitem', { name: /^In an hour/ }).press('Enter')
  await page.getByText('Nothing waits for you').waitFor()
  await page.clock.fastForward(3_600_000 + 30_000)
  await rows(page).waitFor()
  await expect.poll(() => page.title()).toBe('(1) For you · Relay')
})

test('an answer goes to its author, says what it answers, and shows what became of it', async () => {
  await using relay = await createTestRelay()
  await ask(relay, 'plan', 'May I go on?')
  await ask(relay, 'plan', 'Something else', { reader_tag: 'nightly', to: undefined })
  await using board = await openBoard(browser, relay)
  const { page, complaints } = board
  await rows(page).waitFor()
  await page.keyboard.press('r')
  const field = page.getByRole('textbox', { name: 'Write to plan' })
  await expect.poll(() => page.evaluate('document.activeElement.id')).toBe('write')
  await page.getByRole('button', { name: 'Send to laptop-code' }).waitFor()
  await page.keyboard.type('Yes, go on.')
  // It is kept with the draft, of which the list tells.
  await go(page, '#/')
  await page.getByRole('link', { name: /^plan.*Draft/ }).waitFor()
  await page.goBack()
  await page.reload()
  await page.locator('.quoting', { hasText: 'May I go on?' }).waitFor()
  expect(await field.inputValue()).toBe('Yes, go on.')
  await sendNow(page)
  await page.locator('[data-seq="3"] .answers', { hasText: 'May I go on?' }).waitFor()
  expect(await readLast(relay, 'plan')).toMatchObject({ reply_to: 1, to: 'laptop-code' })
  await expect.poll(() => findOpen(relay)).toEqual([])
  expect(await page.locator('.quoting').count()).toBe(0)
  await page.getByRole('button', { name: 'To everyone' }).waitFor()

  await page.getByText('Waiting for laptop-code, live now').waitFor()
  await relay.call('relay_check_new', { reader_tag: 'laptop-code' })
  await board.look()
  await page.getByText('Seen by laptop-code').waitFor()
  await ask(relay, 'plan', 'Done.', { reply_to: 3 })
  await page.getByText('Answered in #4').waitFor()
  await page.locator('[data-seq="4"] .answers', { hasText: 'Yes, go on.' }).waitFor()
  expect(complaints).toEqual([])
})

test('a post can be undone for five seconds, and is sent when the page is left', async () => {
  await using relay = await createTestRelay()
  await ask(relay, 'plan', 'May I go on?')
  await using board = await openBoard(browser, relay, { at: '#/t/plan', hasClock: true })
  const { page, context } = board
  await page.locator('[data-seq="1"]').waitFor()
  const posts: unknown[] = []
  await interceptCalls(page, 'relay_post_message', ({ content }, route) => {
    posts.push(content)
    return route.continue()
  })
  const field = page.getByRole('textbox', { name: 'Write to plan' })
  await page.keyboard.press('r')
  await page.locator('.quoting').waitFor()
  await field.fill('No')
  await page.keyboard.press('Control+Enter')
  await page.getByText('Sends in 5 s').waitFor()
  await page.getByRole('button', { name: 'Undo' }).click()
  await expect.poll(() => field.inputValue()).toBe('No')
  await page.locator('.quoting').waitFor()
  await page.clock.fastForward(10_000)
  await settle(page)
  expect(posts).toEqual([])

  // At the end of the time, and once only.
  await field.fill('Yes')
  await page.keyboard.press('Control+Enter')
  await page.getByText(/^Sends in/).waitFor()
  await field.fill('And more')
  await page.keyboard.press('Control+Enter')
  await page
    .getByText('Waiting', { exact: true })
    .or(page.getByText(/^Sends in/).nth(1))
    .waitFor()
  await page.clock.fastForward(5_100)
  await page.locator('[data-seq="3"]', { hasText: 'And more' }).waitFor()
  expect(posts).toEqual(['Yes', 'And more'])

  // Hidden, and closed, at once.
  await field.fill('Hidden')
  await page.keyboard.press('Control+Enter')
  await page.getByText(/^Sends in/).waitFor()
  await page.evaluate(`Object.defineProperty(document, 'hidden', { value: true, configurable: true })
    document.dispatchEvent(new Event('visibilitychange'))`)
  await page.locator('[data-seq="4"]', { hasText: 'Hidden' }).waitFor()
  const other = await context.newPage()
  await other.goto(await linkOf(relay))
  await go(other, '#/t/plan')
  await other.getByRole('textbox', { name: 'Write to plan' }).fill('Closed')
  await other.keyboard.press('Control+Enter')
  await other.getByText(/^Sends in/).waitFor()
  await other.close()
  await expect.poll(async () => (await readLast(relay, 'plan')).content).toBe('Closed')
})

test('muted threads are not counted, and all threads are marked as read at once, which can be undone', async () => {
  await using relay = await createTestRelay()
  await ask(relay, 'logs', 'a line', { to: undefined })
  await ask(relay, 'plan', 'one', { to: undefined })
  await ask(relay, 'plan', 'two', { to: undefined })
  await using board = await openBoard(browser, relay)
  const { page, complaints } = board
  const total = page.locator('.label-line .by')
  await expect.poll(() => total.innerText()).toBe('3 unread')
  await go(page, '#/t/logs')
  await page.getByRole('button', { name: 'More actions' }).click()
  await page.getByRole('menuitemcheckbox', { name: 'Mute' }).click()
  await page.getByRole('link', { name: /^logs muted/ }).waitFor()
  await expect.poll(() => total.innerText()).toBe('2 unread')
  await go(page, '#/')
  const markAll = async () => {
    await page.getByRole('button', { name: 'More actions' }).click()
    await page.getByRole('menuitem', { name: 'Mark all threads as read' }).click()
    await expect.poll(() => total.count()).toBe(0)
  }
  await markAll()
  await page.keyboard.press('z')
  await expect.poll(() => total.innerText()).toBe('2 unread')
  await markAll()
  await page.evaluate(`dispatchEvent(new Event('pagehide'))`)
  await expect
    .poll(async () => {
      const args = { reader_tag: 'board', thread_name: 'plan', peek: true }
      return (await relay.call('relay_check_new', args)).structuredContent.messages.length
    })
    .toBe(0)
  expect(complaints).toEqual([])
})

test('a message that the relay refuses can be discarded, and that undone', async () => {
  await using relay = await createTestRelay()
  await ask(relay, 'plan', 'go')
  await using board = await openBoard(browser, relay, { at: '#/t/plan' })
  const { page } = board
  await interceptCalls(page, 'relay_post_message', (_, route) => route.abort())
  await page.getByRole('textbox', { name: 'Write to plan' }).fill('for later')
  await sendNow(page)
  await page.getByText('Not confirmed yet').waitFor()
  await page.getByRole('button', { name: 'Discard' }).click()
  await expect.poll(() => page.getByText('for later', { exact: true }).count()).toBe(0)
  await page.getByRole('button', { name: 'Undo' }).click()
  await page.getByText('Not confirmed yet').waitFor()
  await page.unrouteAll({ behavior: 'ignoreErrors' })
  await board.look()
  await page.locator('[data-seq="2"]', { hasText: 'for later' }).waitFor()
})
