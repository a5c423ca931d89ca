/** The person manages the relay from the board: messages, threads, connections, readers. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openBoard } from '../../support/board.ts'
import { openBrowser } from '../../support/browser.ts'
import { createTestRelay, type TestRelay } from '../../support/relay.ts'

let browser: Browser
beforeAll(async () => {
  browser = await openBrowser()
})
afterAll(() => browser.close())

const post = (relay: TestRelay, thread_name: string, content: string, more: object = {}) =>
  relay.call('relay_post_message', {
    thread_name,
    content,
    surface: 'code',
    reader_tag: 'laptop-code',
    ...more,
  })

/** A thread's messages as every session reads them. */
async function messagesOf(relay: TestRelay, thread_name: string) {
  const { structuredContent } = await relay.call('relay_read_thread', { thread_name })
  return structuredContent.messages
}

/** The bodies that the page posts to /manage, from now on. */
function followActions(page: Page): Record<string, unknown>[] {
  const sent: Record<string, unknown>[] = []
  page.on('request', (request) => {
    if (request.url().endsWith('/manage')) sent.push(request.postDataJSON())
  })
  return sent
}

async function takeBack(page: Page, seq: number): Promise<void> {
  const message = page.locator(`[data-seq="${seq}"]`)
  await message.hover()
  await message.getByRole('button', { name: `Actions for message ${seq}` }).click()
  await page.getByRole('menuitem', { name: 'Take back this text' }).click()
  await message.getByText('Taken back', { exact: true }).waitFor()
}

test('a text that is taken back can be restored for five seconds, and is gone for everyone after them', async () => {
  await using relay = await createTestRelay()
  await post(relay, 'plan', 'the password is hunter2', { metadata: { secret: 'hunter2' } })
  await post(relay, 'plan', 'second')
  await using board = await openBoard(browser, relay, { at: '#/t/plan', hasClock: true })
  const { page, complaints } = board
  await page.getByText('the password is hunter2').waitFor()
  const actions = followActions(page)

  await takeBack(page, 1)
  expect(await page.getByText('hunter2').count()).toBe(0)
  await page.getByText('Sessions that have read it have read it.').waitFor()
  await page.clock.runFor(4_000)
  await page.getByRole('button', { name: 'Undo' }).click()
  await page.getByText('the password is hunter2').waitFor()
  await page.clock.runFor(10_000)
  expect(actions).toEqual([])
  expect((await messagesOf(relay, 'plan')).at(-1).content).toContain('hunter2')

  await takeBack(page, 1)
  await page.clock.runFor(4_900)
  expect(actions).toEqual([])
  await page.clock.runFor(200)
  await expect.poll(() => actions).toHaveLength(1)
  expect(actions).toEqual([{ action: 'redact_message', thread_name: 'plan', seq: 1 }])
  await expect
    .poll(async () => (await messagesOf(relay, 'plan')).at(-1))
    .toMatchObject({ seq: 1, content: '', redacted: true })
  expect(await page.getByRole('button', { name: 'Undo' }).count()).toBe(0)
  const message = page.locator('[data-seq="1"]')
  expect(await message.getByRole('button', { name: 'Copy message' }).count()).toBe(0)
  expect(await message.getByText('Metadata').count()).toBe(0)
  expect(await message.getByRole('button', { name: 'Show as text' }).count()).toBe(0)
  expect(complaints).toEqual([])
})

test('a text that waits for its undo is taken back when the page closes or a second one is taken back', async () => {
  await using relay = await createTestRelay()
  for (const content of ['one', 'two', 'three']) await post(relay, 'plan', content)
  await using board = await openBoard(browser, relay, { at: '#/t/plan', hasClock: true })
  const { page } = board
  await page.getByText('one', { exact: true }).waitFor()
  await takeBack(page, 1)
  await takeBack(page, 2)
  const taken = async () => {
    const messages = await messagesOf(relay, 'plan')
    return messages
      .filter((each: { redacted?: true }) => each.redacted)
      .map(({ seq }: { seq: number }) => seq)
  }
  await expect.poll(taken).toEqual([1])
  await page.goto('about:blank')
  await expect.poll(taken).toEqual([2, 1])
})

test('a text comes back, with the reason, when the relay does not take it back', async () => {
  await using relay = await createTestRelay()
  await post(relay, 'plan', 'one')
  await using board = await openBoard(browser, relay, { at: '#/t/plan', hasClock: true })
  const { page } = board
  await page.getByText('one', { exact: true }).waitFor()
  await page.route('**/manage', (route) =>
    route.fulfill({
      status: 503,
      json: { error: 'database_unavailable', message: 'No database.' },
    }),
  )
  await takeBack(page, 1)
  await page.clock.runFor(5_000)
  await page.locator('.toast').getByText('No database.').waitFor()
  await page.getByText('one', { exact: true }).waitFor()
})

test('a text that was taken back in one tab is gone from the other', async () => {
  await using relay = await createTestRelay()
  await post(relay, 'plan', 'the password is hunter2')
  await using board = await openBoard(browser, relay, { at: '#/t/plan' })
  await board.page.getByText('hunter2').waitFor()
  await relay.fetch('/manage', {
    method: 'POST',
    headers: { authorization: `Bearer ${relay.key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ action: 'redact_message', thread_name: 'plan', seq: 1 }),
  })
  await board.look()
  await board.page.locator('[data-seq="1"]').getByText('Taken back', { exact: true }).waitFor()
  expect(await board.page.getByText('hunter2').count()).toBe(0)
})

test('a message to the person is open until it is done, which can be undone, or answered', async () => {
  await using relay = await createTestRelay()
  await post(relay, 'plan', 'May I?', { to: 'board' })
  await using board = await openBoard(browser, relay, { at: '#/t/plan' })
  const { page, complaints } = board
  const open = async () => {
    const { structuredContent } = await relay.call('relay_read_thread', { open: true, to: 'board' })
    return structuredContent.messages.length
  }
  const done = page.getByRole('button', { name: 'Done: message 1 needs no answer' })
  await done.click()
  await expect.poll(open).toBe(0)
  await expect.poll(() => page.getByText('Waits for your answer').count()).toBe(0)
  await page.getByRole('button', { name: 'Undo' }).click()
  await expect.poll(open).toBe(1)
  await done.waitFor()
  // An answer counts once the person has received the question, a second after it came on screen.
  await expect
    .poll(async () => {
      const args = { reader_tag: 'board', peek: true }
      const { structuredContent } = await relay.call('relay_check_new', args)
      return structuredContent.messages.length
    })
    .toBe(0)
  await page.getByRole('textbox', { name: 'Write to plan' }).fill('Yes')
  await page.getByRole('button', { name: 'Send' }).click()
  await expect.poll(open).toBe(0)
  await expect.poll(() => page.getByText('Waits for your answer').count()).toBe(0)
  expect(complaints).toEqual([])
})
