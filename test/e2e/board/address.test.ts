/** For whom a message is: every reader can be chosen, and one that is called by name is offered. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findBarriers, openBoard, sendNow } from '../../support/board.ts'
import { openBrowser } from '../../support/browser.ts'
import { createTestRelay, type TestRelay } from '../../support/relay.ts'

let browser: Browser
beforeAll(async () => {
  browser = await openBrowser()
})
afterAll(() => browser.close())

/** A thread in which `reviewer` wrote, before 16 readers who were seen later. */
async function createReaders(relay: TestRelay): Promise<void> {
  await relay.call('relay_check_new', { reader_tag: 'archivist', limit: 1 })
  for (const reader_tag of ['reviewer', 'planner']) {
    await relay.call('relay_post_message', {
      thread_name: 'a',
      content: `from ${reader_tag}`,
      surface: 'code',
      reader_tag,
    })
  }
  for (let i = 0; i < 16; i += 1) {
    await relay.call('relay_check_new', { reader_tag: `worker-${i}`, limit: 1 })
  }
}

/** To whom the last message of the thread is; undefined for everyone. */
async function lastAddressee(relay: TestRelay): Promise<string | undefined> {
  const { structuredContent } = await relay.call('relay_read_thread', {
    thread_name: 'a',
    limit: 1,
  })
  return structuredContent.messages[0].to
}

async function send(page: Page): Promise<void> {
  const posted = page.waitForResponse((response) =>
    /"relay_post_message"/.test(response.request().postData() ?? ''),
  )
  await sendNow(page)
  await (await posted).finished()
}

test('every reader can be addressed with the keyboard, who takes part in the thread first', async () => {
  await using relay = await createTestRelay()
  await createReaders(relay)
  await using board = await openBoard(browser, relay, { at: '#/t/a' })
  const { page, complaints } = board
  const { keyboard } = page
  await page.locator('.msg').first().waitFor()
  const items = page.getByRole('menuitemcheckbox')
  await page.getByRole('textbox', { name: /^Write to/ }).fill('Please look')
  await page.getByRole('button', { name: 'To everyone', exact: true }).press('Enter')
  await items.first().waitFor()
  const shown = await items.allInnerTexts()
  expect(shown.slice(0, 4).map((text) => text.split('\n')[0])).toEqual([
    'Everyone',
    'planner',
    'reviewer',
    'worker-15',
  ])
  expect(shown).toHaveLength(20)
  expect(await findBarriers(page)).toEqual([])

  // The reader that was seen first is found by a part of its tag.
  await keyboard.type('arch')
  await expect.poll(() => items.count()).toBe(2)
  await page.getByText('2 found').waitFor({ state: 'attached' })
  await keyboard.press('Enter')
  await page.getByRole('button', { name: 'To archivist', exact: true }).waitFor()
  await send(page)
  expect(await lastAddressee(relay)).toBe('archivist')

  // A letter on an item continues in the field; arrows go through the results.
  await page.getByRole('textbox', { name: /^Write to/ }).fill('Please look, too')
  await page.getByRole('button', { name: 'To archivist', exact: true }).press('Enter')
  await keyboard.press('ArrowDown')
  await keyboard.type('review')
  await expect.poll(() => items.count()).toBe(2)
  await keyboard.press('ArrowDown')
  await keyboard.press('Enter')
  await page.getByRole('button', { name: 'To reviewer', exact: true }).waitFor()
  await send(page)
  expect(await lastAddressee(relay)).toBe('reviewer')
  expect(complaints).toEqual([])
})

test('a tag that is not known yet can be typed, and Escape changes nothing', async () => {
  await using relay = await createTestRelay()
  await createReaders(relay)
  await using board = await openBoard(browser, relay, { at: '#/t/a' })
  const { page } = board
  const { keyboard } = page
  await page.getByRole('textbox', { name: /^Write to/ }).fill('Welcome')
  await page.getByRole('button', { name: 'To everyone', exact: true }).click()
  await page.getByRole('textbox', { name: /^Find a reader/ }).fill('@work')
  await page.getByRole('menuitemcheckbox', { name: /^work not seen yet/ }).waitFor()
  await keyboard.press('Escape')
  await page.getByRole('button', { name: 'To everyone', exact: true }).click()
  const items = page.getByRole('menuitemcheckbox')
  // The earlier text is gone.
  await expect.poll(() => items.count()).toBe(20)
  await page.getByRole('textbox', { name: /^Find a reader/ }).fill('new laptop')
  await expect.poll(() => items.count()).toBe(1)
  await keyboard.press('Enter')
  await page.getByRole('button', { name: 'To new laptop', exact: true }).waitFor()
  await send(page)
  expect(await lastAddressee(relay)).toBe('new laptop')
})

test('a message to everyone that calls a reader by name is offered to them, and stays as it is', async () => {
  await using relay = await createTestRelay()
  await createReaders(relay)
  await using board = await openBoard(browser, relay, { at: '#/t/a' })
  const { page } = board
  const field = page.getByRole('textbox', { name: /^Write to/ })
  const offer = page.getByRole('button', { name: 'Address it to reviewer?' })
  await page.locator('.msg').first().waitFor()
  await field.fill('@reviewer please look')
  await offer.waitFor()
  await send(page)
  expect(await lastAddressee(relay)).toBeUndefined()

  await field.fill('Once more, @reviewer')
  await offer.waitFor()
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  await page.getByRole('button', { name: 'To reviewer', exact: true }).waitFor()
  expect(await offer.count()).toBe(0)
  expect(await page.evaluate('document.activeElement.id')).toBe('write')
  await send(page)
  expect(await lastAddressee(relay)).toBe('reviewer')
})

test('a search can be for the posts of any reader', async () => {
  await using relay = await createTestRelay()
  await createReaders(relay)
  await using board = await openBoard(browser, relay, { at: '#/search?q=from' })
  const { page } = board
  await page.locator('.hit').nth(1).waitFor()
  await page.getByRole('button', { name: 'Written by anyone' }).click()
  await page.getByRole('textbox', { name: /^Find an author/ }).fill('plan')
  await page.keyboard.press('Enter')
  await page.getByRole('button', { name: 'Written by planner' }).waitFor()
  await expect.poll(() => page.locator('.hit').count()).toBe(1)
  await page.locator('.hit', { hasText: 'from planner' }).waitFor()
})

/** Enter as an input method sends it: as part of a composition, or after Safari has ended that. */
const COMPOSING = [
  ['while it composes', { isComposing: true }],
  ['after its end in Safari', { keyCode: 229 }],
] as const

test.each(COMPOSING)('Enter of an input method does nothing else, %s', async (_, how) => {
  await using relay = await createTestRelay()
  await createReaders(relay)
  await using board = await openBoard(browser, relay, { at: '#/t/a' })
  const { page } = board
  await page.locator('.msg').first().waitFor()
  const press = (init: object) =>
    page.evaluate(
      `document.activeElement.dispatchEvent(new KeyboardEvent('keydown', ${JSON.stringify({ bubbles: true, cancelable: true, ...init, ...how })}))`,
    )
  await page.getByRole('searchbox', { name: /^Filter threads/ }).fill('日本')
  await press({ key: 'Enter' })
  await press({ key: 'Escape' })
  expect(new URL(page.url()).hash).toBe('#/t/a')
  expect(await page.getByRole('searchbox', { name: /^Filter threads/ }).inputValue()).toBe('日本')

  await page.getByRole('textbox', { name: /^Write to/ }).fill('日本')
  await press({ key: 'Enter', ctrlKey: true })
  expect(await page.getByRole('textbox', { name: /^Write to/ }).inputValue()).toBe('日本')
  await page.getByRole('button', { name: 'To everyone', exact: true }).click()
  await page.getByRole('textbox', { name: /^Find a reader/ }).fill('rev')
  await press({ key: 'Enter' })
  await press({ key: 'Escape' })
  expect(await page.getByRole('menu').isVisible()).toBe(true)
  expect(await page.getByRole('button', { name: 'To everyone', exact: true }).count()).toBe(1)
})

test('one field leads to threads, readers, commands and messages, with only the keyboard', async () => {
  await using relay = await createTestRelay()
  await createReaders(relay)
  await relay.call('relay_post_message', {
    thread_name: 'garden-plan',
    content: 'the lantern is lit',
    surface: 'code',
  })
  await using board = await openBoard(browser, relay, { at: '#/t/a' })
  const { page, complaints } = board
  const { keyboard } = page
  const open = async (text: string) => {
    await keyboard.press('Control+k')
    await page.getByRole('combobox').waitFor()
    await keyboard.type(text)
  }
  // From a field as well.
  await page.getByRole('textbox', { name: 'Write to a' }).focus()
  await open('garden')
  await page
    .getByRole('option', { name: /^garden-plan/ })
    .and(page.locator('[aria-selected=true]'))
    .waitFor()
  expect(await findBarriers(page)).toEqual([])
  await keyboard.press('Enter')
  await page.getByRole('heading', { name: 'garden-plan' }).waitFor()
  expect(await page.getByRole('dialog').count()).toBe(0)

  await open('>arch')
  await keyboard.press('Enter')
  await page.getByText('Archived. A new message reopens it.').waitFor()
  await open('@rev')
  await keyboard.press('Enter')
  await page.getByRole('button', { name: /^Written by rev/ }).waitFor()
  await open('lantern')
  await keyboard.press('ArrowUp')
  await keyboard.press('Enter')
  await page.locator('.hit mark').waitFor()
  await open('x')
  await keyboard.press('Escape')
  expect(await page.getByRole('combobox').count()).toBe(0)
  // The field of the list: arrows go into it, Enter opens the first, and it is empty again.
  const field = page.getByRole('searchbox', { name: /^Filter threads/ })
  await field.fill('a')
  await keyboard.press('ArrowDown')
  await expect.poll(() => page.evaluate('document.activeElement.className')).toContain('row')
  await keyboard.press('ArrowUp')
  await keyboard.press('Enter')
  await page.getByRole('heading', { name: 'a', exact: true }).waitFor()
  expect(await field.inputValue()).toBe('')
  expect(complaints).toEqual([])
})

test('a typed @ offers readers, and the choice stays with the thread', async () => {
  await using relay = await createTestRelay()
  await createReaders(relay)
  await relay.call('relay_post_message', { thread_name: 'b', content: 'b', surface: 'code' })
  await using board = await openBoard(browser, relay, { at: '#/t/a' })
  const { page, complaints } = board
  const field = page.getByRole('textbox', { name: 'Write to a' })
  await field.pressSequentially('Hello @')
  const options = page.getByRole('option')
  await expect.poll(() => options.first().innerText()).toMatch(/^(reviewer|planner)/)
  expect(await findBarriers(page)).toEqual([])
  await field.pressSequentially('rev')
  await expect.poll(() => options.count()).toBe(1)
  await page.keyboard.press('Enter')
  expect(await field.inputValue()).toBe('Hello @reviewer ')
  await page.getByRole('button', { name: 'Send to reviewer' }).waitFor()
  // A mail address does not count, and Escape closes only the list.
  await field.pressSequentially('a@b, @pl')
  await options.first().waitFor()
  await page.keyboard.press('Escape')
  await expect.poll(() => options.count()).toBe(0)
  expect(await page.evaluate('document.activeElement.id')).toBe('write')
  await field.fill('')
  await page.evaluate(`location.hash = '#/t/b'`)
  await page.getByRole('textbox', { name: 'Write to b' }).waitFor()
  await page.getByRole('button', { name: 'To everyone' }).waitFor()
  await page.goBack()
  await page.getByRole('button', { name: 'Send to reviewer' }).waitFor()
  expect(complaints).toEqual([])
})
