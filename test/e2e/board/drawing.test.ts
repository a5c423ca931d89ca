/** How messages are drawn: no text blocks the board, and misdrawn text can be seen as it is. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findOverflow, go, openBoard } from '../../support/board.ts'
import { openBrowser } from '../../support/browser.ts'
import { createTestRelay, type TestRelay } from '../../support/relay.ts'
import { HOSTILE_MARKDOWN } from '../../unit/board/hostile-markdown.ts'
import { openAppHost } from '../app/host.ts'

let browser: Browser
beforeAll(async () => {
  browser = await openBrowser()
})
afterAll(() => browser.close())

const post = (relay: TestRelay, thread_name: string, content: string) =>
  relay.call('relay_post_message', { thread_name, content, surface: 'code', reader_tag: 'a' })

/** The texts that take longest to read, to draw or to lay out. */
const WORST = [
  'a nested quote',
  'a nested quote without spaces',
  'nested quotes',
  'lists of 195 levels',
  'a table that fills its rows up',
  'a table of one row',
  'fences',
  'items',
  '"a_" in a paragraph',
  '"`a" in a paragraph',
  '"*a* " in paragraphs',
  '"a\u200b" in paragraphs',
]

/** Milliseconds that the board may not answer: work that doubled or squared with the length takes minutes. */
const LIMIT = 10_000

const texts = WORST.map((name, i) => [`text ${i}`, HOSTILE_MARKDOWN[name] as string] as const)

/** Puts a text into the field at once; fill() takes a browser seconds for thousands of lines. */
async function paste(page: Page, text: string): Promise<void> {
  await page.evaluate(`{
    const field = document.getElementById('write')
    field.value = ${JSON.stringify(text)}
    field.dispatchEvent(new Event('input', { bubbles: true }))
  }`)
}

test('no message blocks the board, whole or in the preview', async () => {
  await using relay = await createTestRelay()
  for (const [name, text] of texts) await post(relay, name, text)
  await using board = await openBoard(browser, relay)
  const { page, complaints } = board
  page.setDefaultTimeout(LIMIT)
  for (const [name, text] of texts) {
    await go(page, `#/t/${encodeURIComponent(name)}`)
    await page.locator('.head-title', { hasText: name }).first().waitFor()
    await page.locator('.msg').waitFor()
    if (text.length > 4_000) {
      await page.getByRole('button', { name: /^Show all/ }).click()
      await page.getByRole('button', { name: 'Show less' }).waitFor()
    }
    await paste(page, text)
    await page.getByRole('button', { name: 'Preview' }).click()
    await page.locator('.preview').waitFor()
    await page.getByRole('button', { name: 'Write', exact: true }).click()
    await paste(page, '')
  }
  expect(complaints).toEqual([])
})

test('no message blocks the view in a chat', async () => {
  await using relay = await createTestRelay({ bindings: { RELAY_APP: '1' } })
  for (const [name, text] of texts.slice(0, 4)) await post(relay, name, text)
  const { body } = await relay.rpc({
    jsonrpc: '2.0',
    id: 1,
    method: 'resources/read',
    params: { uri: 'ui://relay/board.html' },
  })
  await using host = await openAppHost(browser, relay, body.result.contents[0].text)
  const result = await relay.call('relay_list_threads', { preview: true })
  const { frame } = await host.open({ result, capabilities: { serverTools: {} } })
  for (const [name] of texts.slice(0, 4)) {
    const row = frame.getByRole('button', { name: new RegExp(`^${name}\\b`) }).first()
    await row.click({ timeout: LIMIT })
    await frame.locator('.msg').first().waitFor({ timeout: LIMIT })
    await frame.getByRole('button', { name: 'All threads' }).click({ timeout: LIMIT })
  }
  expect(host.reports).toEqual([])
})

const WRITTEN = `| a | b |
|---|---|
| one<br>two | H<sub>2</sub>O, m<sup>2</sup> |

<details>
<summary>Log of **it**</summary>

- an item

</details>

1. first
  - inside
2. second

${'-'.repeat(30)}

<b onclick="alert(1)">no element</b> <sub class="x">neither</sub>`

async function openWritten(relay: TestRelay, page: Page) {
  await post(relay, 'a', WRITTEN)
  await go(page, '#/t/a')
  const message = page.locator('.msg')
  await message.waitFor()
  return message
}

test('line breaks, indices and details are elements; every other tag is text', async () => {
  await using relay = await createTestRelay()
  await using board = await openBoard(browser, relay)
  const { page, complaints } = board
  const message = await openWritten(relay, page)
  expect(await message.locator('td').first().innerText()).toBe('one\ntwo')
  expect(await message.locator('sub').allInnerTexts()).toEqual(['2'])
  expect(await message.locator('sup').allInnerTexts()).toEqual(['2'])
  const item = message.getByText('an item')
  expect(await item.isVisible()).toBe(false)
  await message.getByText('Log of it').click()
  await item.waitFor()
  expect(
    await message.locator('ol').evaluateAll((all) => all.map((each) => each.getAttribute('start'))),
  ).toEqual(['1', '2'])
  expect(await message.locator('.rule').count()).toBe(1)
  await message.getByText('<b onclick="alert(1)">no element</b>').waitFor()
  await message.getByText('<sub class="x">neither</sub>').waitFor()
  expect(complaints).toEqual([])
})

test('a message is shown as text, and drawn again', async () => {
  await using relay = await createTestRelay()
  await using board = await openBoard(browser, relay)
  const { page } = board
  const message = await openWritten(relay, page)
  const button = message.getByRole('button', { name: 'Show as text' })
  await message.focus()
  await button.press('Enter')
  expect(await message.locator('.plain').innerText()).toBe(WRITTEN)
  expect(await button.getAttribute('aria-pressed')).toBe('true')
  await button.press('Enter')
  await message.locator('table').waitFor()

  await page.setViewportSize({ width: 390, height: 844 })
  const menu = message.getByRole('button', { name: 'Actions for message 1' })
  await menu.click()
  await page.getByRole('menuitemcheckbox', { name: 'Show as text' }).click()
  await message.locator('.plain').waitFor()
  expect(await findOverflow(page)).toBe(0)
  await menu.click()
  const item = page.getByRole('menuitemcheckbox', { name: 'Show as text' })
  expect(await item.getAttribute('aria-checked')).toBe('true')
  await item.click()
  await message.locator('table').waitFor()
})

test('find in page finds folded text, and shows it where it is', async () => {
  await using relay = await createTestRelay()
  const words = 'words of a long message. '.repeat(100)
  await post(relay, 'a', `${words}\n\nneedle and *thread*\n\n${words}`)
  await using board = await openBoard(browser, relay, { at: '#/t/a' })
  const { page } = board
  const folded = page.locator('[hidden="until-found"]', { hasText: 'needle' })
  await folded.waitFor({ state: 'attached' })
  const isShown = () =>
    page.evaluate(`[...document.querySelectorAll('.md p')]
      .find((each) => each.textContent.includes('needle')).checkVisibility()`)
  expect(await isShown()).toBe(false)
  // A browser does this before it shows a result there.
  await folded.evaluate((element) => {
    const { Event } = globalThis as unknown as { Event: new (type: string, init: object) => never }
    element.dispatchEvent(new Event('beforematch', { bubbles: true }))
  })
  await expect.poll(isShown).toBe(true)
  await page.getByText('needle and *thread*').waitFor()
  expect(await page.locator('[hidden="until-found"]').count()).toBe(0)
  await page.getByRole('button', { name: /^Show all/ }).click()
  await page.locator('.md em', { hasText: 'thread' }).waitFor()
  await page.getByRole('button', { name: 'Show less' }).click()
  await folded.waitFor({ state: 'attached' })
})

test('a diff is tinted line by line, long lines wrap on demand, and named messages are links', async () => {
  await using relay = await createTestRelay()
  const post = (thread_name: string, content: string) =>
    relay.call('relay_post_message', { thread_name, content, surface: 'code' })
  await post('plan', 'first')
  await post(
    'notes',
    `See #1, plan#1, plan#9 and nothing#1.\n\n\`\`\`diff\n-a\n+${'b '.repeat(200)}\n\`\`\``,
  )
  await using board = await openBoard(browser, relay, { at: '#/t/notes' })
  const { page, complaints } = board
  await page.getByText('1 added, 1 removed').waitFor()
  expect(await page.locator('.ln.del').innerText()).toBe('-a\n')
  const width = () => page.evaluate('document.querySelector("pre").scrollWidth')
  expect(await width()).toBeGreaterThan(1_000)
  await page.getByRole('button', { name: 'Wrap long lines' }).click()
  expect(await width()).toBeLessThan(1_000)
  expect(await page.locator('.md a.ref').allInnerTexts()).toEqual(['#1', 'plan#1'])
  await page.locator('.md').getByRole('link', { name: 'plan#1' }).click()
  await page.locator('.msg.target', { hasText: 'first' }).waitFor()
  expect(complaints).toEqual([])
})
