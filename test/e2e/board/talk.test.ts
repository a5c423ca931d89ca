/** A person in the board and sessions over MCP, in one relay. */
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { go, interceptCalls, linkOf, openBoard, sendNow, settle } from '../../support/board.ts'
import { openBrowser } from '../../support/browser.ts'
import { clientOf, createTestRelay, type TestRelay } from '../../support/relay.ts'

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

test('the first minute: nothing is there, a client connects, its first message appears', async () => {
  await using relay = await createTestRelay()
  await using board = await openBoard(browser, relay)
  const { page, context, complaints } = board
  await context.grantPermissions(['clipboard-read', 'clipboard-write'])
  await page.getByRole('heading', { name: 'Connect your first session' }).waitFor()
  const command = page.getByRole('figure').filter({ hasText: 'Terminal' })
  await page.getByLabel('Name of the client').fill('laptop')
  await page.getByLabel('Key of the relay itself').fill(relay.key)
  await page.getByRole('button', { name: 'Make the key' }).click()
  const key = await page.getByLabel('Key of laptop').inputValue()
  await command.getByRole('button', { name: 'Copy: Terminal' }).click()
  expect(await page.evaluate('navigator.clipboard.readText()')).toBe(
    `claude mcp add --scope user --transport http relay ${relay.url}/mcp --header "Authorization: Bearer ${key}"`,
  )
  expect(key).not.toBe(relay.key)
  expect(await page.locator('body').innerText()).not.toContain(key)
  await page.getByText('Waiting for a first call').waitFor()
  await clientOf(relay.url, key).call('relay_list_threads', { reader_tag: 'laptop-code' })
  await board.look()
  await page.getByText('Claude Code is connected').waitFor()
  // Without a hint: the board asks every three seconds.
  await post(relay, 'first-steps', 'We are here.')
  await page
    .getByRole('link', { name: /first-steps/ })
    .first()
    .click()
  await page.getByText('We are here.', { exact: true }).waitFor()
  expect(complaints).toEqual([])
})

test('ten messages between a session that waits and a person', async () => {
  await using relay = await createTestRelay()
  await post(relay, 'plan', 'message 0')
  await using board = await openBoard(browser, relay, { at: '#/t/plan' })
  const { page, complaints } = board
  await relay.call('relay_check_new', { reader_tag: 'laptop-code', thread_name: 'plan' })
  for (let i = 1; i <= 5; i += 1) {
    await page.getByText(`message ${2 * i - 2}`, { exact: true }).waitFor()
    const waiting = relay.call('relay_check_new', {
      reader_tag: 'laptop-code',
      thread_name: 'plan',
      wait_seconds: 20,
    })
    await page.getByRole('textbox', { name: 'Write to plan' }).fill(`message ${2 * i - 1}`)
    await sendNow(page)
    const { structuredContent: news } = await waiting
    expect(news.messages).toMatchObject([
      { content: `message ${2 * i - 1}`, from: 'board', via: 'Relay board', surface: 'other' },
    ])
    await post(relay, 'plan', `message ${2 * i}`)
    await board.look()
  }
  await page.getByText('message 10', { exact: true }).waitFor()
  expect(await page.locator('.msg .who', { hasText: 'You' }).count()).toBe(5)
  expect(complaints).toEqual([])
})

test('a message for one reader goes to that reader and is shown so', async () => {
  await using relay = await createTestRelay()
  await post(relay, 'plan', 'anyone?', { to: 'board' })
  await using board = await openBoard(browser, relay, { at: '#/t/plan' })
  const { page } = board
  await page
    .getByRole('article')
    .filter({ hasText: 'anyone?' })
    .getByText('you', { exact: true })
    .waitFor()
  await page.getByRole('button', { name: 'To everyone' }).click()
  await page.getByRole('menuitemcheckbox', { name: /laptop-code/ }).click()
  await page.getByRole('textbox', { name: 'Write to plan' }).fill('you')
  await page.getByRole('button', { name: 'Send to laptop-code' }).waitFor()
  await sendNow(page)
  await expect
    .poll(async () => {
      const { structuredContent } = await relay.call('relay_check_new', {
        reader_tag: 'laptop-code',
        peek: true,
      })
      return structuredContent.messages.filter(({ to }: { to?: string }) => to === 'laptop-code')
    })
    .toMatchObject([{ content: 'you', from: 'board' }])
})

test('a new thread gets its description and its first message', async () => {
  await using relay = await createTestRelay()
  await using board = await openBoard(browser, relay, { at: '#/new' })
  const { page } = board
  await page.getByRole('textbox', { name: 'The first message' }).fill('Let us begin')
  await page.getByRole('button', { name: 'Send' }).click()
  await page.getByText('A thread needs a name.').waitFor()
  await page.getByLabel('Name', { exact: true }).fill('garden')
  await page.getByLabel(/^Description/).fill('Beds and bulbs')
  await page.getByRole('button', { name: 'Send' }).click()
  await page.getByRole('heading', { name: 'garden' }).waitFor()
  await page.getByRole('textbox', { name: 'Write to garden' }).press('Control+Enter')
  await page.getByText('Let us begin', { exact: true }).waitFor()
  await expect
    .poll(async () => (await relay.call('relay_list_threads', {})).structuredContent.threads)
    .toMatchObject([{ name: 'garden', description: 'Beds and bulbs', message_count: 1 }])
  // In another spelling it is the same thread, as for the relay; and the name can be typed at once.
  await page.keyboard.press('Escape')
  await page.keyboard.press('n')
  await page.getByLabel('Name', { exact: true }).waitFor()
  await page.keyboard.type('GARDEN')
  await page.getByText('Goes to garden, 1 message').waitFor()
  expect(await page.getByLabel(/^Description/).isDisabled()).toBe(true)
})

test('a session cannot speak as the person in a message that continues another', async () => {
  await using relay = await createTestRelay()
  await post(relay, 'plan', 'Shall I drop the table?')
  await post(relay, 'plan', 'I mean the old one.')
  for (const name of ['#### You', '**You**', 'You\n===', '<b>You</b>']) {
    await post(relay, 'plan', `${name}\n\nYes, drop it.`)
  }
  await using board = await openBoard(browser, relay, { at: '#/t/plan' })
  const { page } = board
  await page.locator('[data-seq="6"]').waitFor()
  expect(await page.locator('.msg .who').allInnerTexts()).toEqual(Array(5).fill('laptop-code'))
  expect(await page.locator('.msg.more-by').count()).toBe(1)
  expect(await page.locator('.tile.you').count()).toBe(0)
})

test('opening marks nothing, seeing does, and no cursor of a model moves', async () => {
  await using relay = await createTestRelay()
  for (let i = 1; i <= 60; i += 1) await post(relay, 'long', `line ${i}\n\n${'words '.repeat(80)}`)
  await relay.call('relay_check_new', { reader_tag: 'phone-chat', thread_name: 'long', limit: 3 })
  await relay.call('relay_check_new', {
    reader_tag: 'board',
    thread_name: 'long',
    ack_seq: 10,
    peek: true,
  })
  const cursors = async (reader: string) =>
    (
      await relay.database
        .pool(1, 'postgres')
        .query('select last_read_seq::int as seq from relay_read_cursors where reader_tag = $1', [
          reader,
        ])
    ).rows
  await using board = await openBoard(browser, relay, { at: '#/t/long' })
  const { page } = board
  const unread = page.getByRole('link', { name: /^long/ }).locator('.num')
  await expect.poll(() => unread.innerText()).toMatch(/^4\d/)
  const [{ seq: seen } = { seq: 0 }] = await cursors('board')
  expect(seen).toBeGreaterThan(10)
  expect(await page.locator(`[data-seq="${seen}"]`).isVisible()).toBe(true)
  await page.getByRole('button', { name: 'More actions' }).click()
  await page.getByRole('menuitem', { name: 'Mark all as read' }).click()
  await expect.poll(() => unread.count()).toBe(0)
  await page.getByRole('button', { name: 'Undo' }).click()
  await expect.poll(() => unread.innerText()).toMatch(/^4\d/)
  await page.getByRole('button', { name: 'More actions' }).click()
  await page.getByRole('menuitem', { name: 'Mark all as read' }).click()
  await board.look()
  await settle(page)
  expect(await unread.count()).toBe(0)
  expect(await cursors('board')).toEqual([{ seq: seen }])
  // Leaving the page ends the time to undo.
  await page.evaluate(`dispatchEvent(new Event('pagehide'))`)
  await expect.poll(() => cursors('board')).toEqual([{ seq: 60 }])
  expect(await unread.count()).toBe(0)
  expect(await cursors('phone-chat')).toEqual([{ seq: 3 }])
})

test('a person who has scrolled up sees that there is news, and stays where they are', async () => {
  await using relay = await createTestRelay()
  for (let i = 1; i <= 20; i += 1) await post(relay, 'long', `line ${i}\n\n${'words '.repeat(80)}`)
  await using board = await openBoard(browser, relay, { at: '#/t/long/5' })
  const { page } = board
  // The thread may be there before the list, which knows where it ends.
  let release = () => {}
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  await interceptCalls(page, 'relay_list_threads', (_, route) =>
    released.then(() => route.continue()),
  )
  await page.reload()
  await page.locator('.msg.target').waitFor()
  await page.getByText('line 20', { exact: true }).waitFor({ state: 'attached' })
  release()
  await page.getByRole('link', { name: /^long/ }).waitFor()
  const pill = page.locator('.pill')
  await pill.waitFor()
  const place = () => page.locator('.msg.target').boundingBox()
  // It counts what is below the screen and was not seen.
  const below = async () => Number(/^\d+(?= new)/.exec(await pill.innerText()))
  await expect.poll(below).toBeGreaterThan(0)
  const count = await below()
  const before = await place()
  await post(relay, 'long', 'line 21')
  await board.look()
  await expect.poll(below).toBe(count + 1)
  expect((await place())?.y).toBe(before?.y)
  await pill.click()
  await page.getByText('line 21', { exact: true }).waitFor()
  await expect.poll(() => pill.count()).toBe(0)
})

test('two tabs share the draft of each thread, and a post in one does not scroll the other', async () => {
  await using relay = await createTestRelay()
  for (let i = 1; i <= 20; i += 1) await post(relay, 'plan', `line ${i}\n\n${'words '.repeat(80)}`)
  await post(relay, 'other', 'go')
  await using board = await openBoard(browser, relay, { at: '#/t/plan' })
  const one = board.page
  const two = await board.context.newPage()
  await two.goto(await linkOf(relay))
  await two.locator('.app').waitFor()
  await go(two, '#/t/plan/5')
  await two.locator('.msg.target').waitFor()
  const field = (page: typeof one) => page.getByRole('textbox', { name: /^Write to/ })
  await field(one).fill('half a thought')
  await expect.poll(() => field(two).inputValue()).toBe('half a thought')
  await field(two).press('End')
  await two.keyboard.type(', and the other half')
  await expect.poll(() => field(one).inputValue()).toBe('half a thought, and the other half')
  await go(two, '#/t/other')
  await two.getByText('go', { exact: true }).waitFor()
  expect(await field(two).inputValue()).toBe('')
  await field(two).fill('for other')
  await go(two, '#/t/plan/5')
  await two.locator('.msg.target').waitFor()

  const place = () => two.locator('.msg.target').boundingBox()
  await expect.poll(async () => (await place())?.y).toBeGreaterThan(100)
  const before = await place()
  await sendNow(one)
  await two.locator('[data-seq="21"]').waitFor({ state: 'attached' })
  await expect.poll(() => two.locator('.msg .state').count()).toBe(0)
  expect(await place()).toEqual(before)
  expect(await field(two).inputValue()).toBe('')
  expect(await two.locator('.msg .who', { hasText: 'You' }).count()).toBe(1)
  await go(one, '#/t/other')
  await expect.poll(() => field(one).inputValue()).toBe('for other')
})

test('a first message that is being sent is shown as such, and cannot be changed until that fails', async () => {
  await using relay = await createTestRelay()
  await post(relay, 'plan', 'go')
  await using board = await openBoard(browser, relay, { at: '#/new' })
  const { page } = board
  const held: (() => Promise<void>)[] = []
  let isAway = true
  await interceptCalls(page, 'relay_post_message', (_, route) =>
    isAway
      ? route.abort()
      : new Promise((resolve) => held.push(() => route.continue().then(resolve))),
  )
  await page.getByLabel('Name', { exact: true }).fill('garden')
  await page.getByRole('textbox', { name: 'The first message' }).fill('Let us begin')
  await page.getByRole('button', { name: 'Send' }).click()
  const field = page.getByRole('textbox', { name: 'Write to garden' })
  await field.press('Control+Enter')
  await page.getByText('Not confirmed yet').waitFor()
  await page.getByRole('button', { name: 'Edit' }).click()
  await expect.poll(() => field.inputValue()).toBe('Let us begin')
  expect(await page.evaluate('document.activeElement.id')).toBe('write')

  await sendNow(page)
  // Sent at once, and not after the pause that the first attempt left.
  await board.look()
  await page.getByText('Not confirmed yet').waitFor()
  isAway = false
  // Sent again by itself, as after a pause.
  await board.look()
  await expect.poll(() => held.length).toBe(1)
  await page.getByText('Sending').waitFor()
  expect(await page.getByText('There is no such thread').count()).toBe(0)
  expect(await page.getByRole('button', { name: /^(Edit|Discard)$/ }).count()).toBe(0)
  await held[0]?.()
  await page.locator('[data-seq="1"]').getByText('Let us begin').waitFor()
  expect(await page.getByText('Sending').count()).toBe(0)
  await expect
    .poll(async () => (await relay.call('relay_list_threads', {})).structuredContent.threads)
    .toMatchObject([{ name: 'garden', message_count: 1 }, { name: 'plan' }])
})

test('a thread is archived and brought back', async () => {
  await using relay = await createTestRelay()
  await post(relay, 'plan', 'done')
  await using board = await openBoard(browser, relay, { at: '#/t/plan' })
  const { page } = board
  await page.getByText('done', { exact: true }).waitFor()
  await page.locator('body').press('E')
  await page.getByText('Archived. A new message reopens it.').waitFor()
  const undone = page.waitForEvent('requestfinished', (request) =>
    isArchiving(request.postData(), false),
  )
  await page.getByRole('button', { name: 'Undo' }).click()
  await undone
  const countActive = async () =>
    (await relay.call('relay_list_threads', {})).structuredContent.threads.length
  await expect.poll(countActive).toBe(1)

  // Twice in a row, while the first call is slow: the last one counts.
  const asked: unknown[] = []
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  await interceptCalls(page, 'relay_archive_thread', async ({ archived }, route) => {
    asked.push(archived)
    if (archived) await released
    await route.continue()
  })
  const restored = page.waitForEvent('requestfinished', (request) =>
    isArchiving(request.postData(), false),
  )
  await page.locator('body').press('E')
  await page.locator('body').press('E')
  await settle(page)
  expect(asked).toEqual([true])
  release()
  await restored
  expect(asked).toEqual([true, false])
  expect(await countActive()).toBe(1)
  expect(await page.getByText('A new message reopens it.').count()).toBe(0)
})

const isArchiving = (body: string | null, archived: boolean) =>
  body?.includes('"name":"relay_archive_thread"') === true &&
  body.includes(`"archived":${archived}`)

/** Notifications as a page sees them, while another window is in front. */
const STUB = `
    window.announced = []
    window.Notification = class {
      static permission = 'granted'
      static requestPermission = async () => 'granted'
      constructor(title, { body, tag, renotify }) {
        if (window.refuses) throw new TypeError('Illegal constructor')
        window.announced.push([title, body, tag === title ? renotify : undefined])
      }
    }
    document.hasFocus = () => false`

test('a message for the person is announced while another window is in front, others are not', async () => {
  await using relay = await createTestRelay()
  for (const word of ['go', 'on', 'up']) await post(relay, 'read-elsewhere', word)
  await post(relay, 'plan', 'go')
  await using board = await openBoard(browser, relay, {
    at: '#/t/plan',
    permissions: ['notifications'],
  })
  const { page } = board
  await page.getByText('go', { exact: true }).waitFor()
  await page.evaluate(STUB)
  await page.evaluate('window.refuses = true')
  const item = page.getByRole('menuitemcheckbox', { name: 'Notify me in this tab' })
  const toggle = async () => {
    await page.getByRole('button', { name: 'Settings' }).click()
    await item.click()
  }
  await toggle()
  await page.getByText('This browser blocks notifications').waitFor()
  await page.evaluate('window.refuses = false')
  await toggle()
  const announced = () => page.evaluate('window.announced')
  const greeting = ['Relay', 'Messages will be announced like this.', undefined]
  await expect.poll(announced).toEqual([greeting])
  await page.getByRole('button', { name: 'Settings' }).click()
  expect(await item.getAttribute('aria-checked')).toBe('true')
  await page.keyboard.press('Escape')

  await page.evaluate(`localStorage.setItem('relay-announced', '["", "read-elsewhere"]')`)
  await page.reload()
  await page.getByRole('link', { name: /^read-elsewhere/ }).waitFor()
  await page.evaluate(STUB)
  // Read on another device: the count changes, and nothing is new.
  const elsewhere = { reader_tag: 'board', thread_name: 'read-elsewhere', ack_seq: 2, peek: true }
  await relay.call('relay_check_new', elsewhere)
  await board.look()
  await page.getByRole('link', { name: /^read-elsewhere.*1 unread/ }).waitFor()
  await post(relay, 'other', 'for no one in particular')
  await board.look()
  await page.getByRole('link', { name: /^other/ }).waitFor()
  // The latest of one look need not be the one for the person.
  await post(relay, 'other', 'what do\nyou think?', { to: 'board' })
  await post(relay, 'other', 'by the way')
  await board.look()
  await expect.poll(announced).toEqual([['other', 'laptop-code: what do you think?', true]])
  await expect.poll(() => page.title()).toBe('(1) plan · Relay')
  expect(await page.locator('link[rel=icon]').getAttribute('href')).toBe('icon-unread.svg')
})

test('a message that arrives on screen in a read thread counts as read', async () => {
  await using relay = await createTestRelay()
  for (let i = 1; i <= 30; i += 1) await post(relay, 'long', `line ${i}\n\n${'words '.repeat(80)}`)
  const read = { reader_tag: 'board', thread_name: 'long', ack_seq: 30, peek: true }
  await relay.call('relay_check_new', read)
  await using board = await openBoard(browser, relay, { at: '#/t/long' })
  const { page } = board
  await page.getByText('line 30', { exact: true }).waitFor()
  await post(relay, 'long', 'line 31')
  await board.look()
  await page.getByText('line 31', { exact: true }).waitFor()
  await expect
    .poll(
      async () => (await relay.call('relay_check_new', { ...read, ack_seq: 1 })).structuredContent,
    )
    .toMatchObject({ remaining_count: 0 })
})

test('a name in another spelling leads to the thread that it means', async () => {
  await using relay = await createTestRelay()
  await post(relay, 'billing-migration', 'go')
  await using board = await openBoard(browser, relay, { at: '#/t/Billing%20Migration' })
  const { page } = board
  await page.getByText('go', { exact: true }).waitFor()
  expect(page.url()).toContain('#/t/billing-migration')
  await post(relay, 'billing-migration', 'on')
  await board.look()
  await page.getByText('on', { exact: true }).waitFor()
})

test('a first message that the relay refuses can be changed and sent', async () => {
  await using relay = await createTestRelay()
  await using board = await openBoard(browser, relay, { at: '#/new' })
  const { page } = board
  await page.getByLabel('Name', { exact: true }).fill('bad\u200bname')
  await page.getByRole('textbox', { name: 'The first message' }).fill('Let us begin')
  await page.getByRole('button', { name: 'Send' }).click()
  await page.getByRole('textbox', { name: /^Write to/ }).press('Control+Enter')
  await page.getByText('Not sent').waitFor()
  await page.getByRole('button', { name: 'Edit' }).click()
  await expect
    .poll(() => page.getByRole('textbox', { name: /^Write to/ }).inputValue())
    .toBe('Let us begin')
})

test('messages that are sent quickly arrive in their order, each once', async () => {
  await using relay = await createTestRelay()
  await post(relay, 'plan', 'go')
  await using board = await openBoard(browser, relay, { at: '#/t/plan' })
  const { page } = board
  const field = page.getByRole('textbox', { name: 'Write to plan' })
  for (let i = 1; i <= 6; i += 1) {
    await field.fill(`part ${i}`)
    await page.keyboard.press('Control+Enter')
  }
  await page.keyboard.press('Control+Enter')
  await page.getByText('part 6', { exact: true }).waitFor()
  await expect
    .poll(async () =>
      (
        await relay.call('relay_read_thread', { thread_name: 'plan' })
      ).structuredContent.messages.map(({ content }: { content: string }) => content),
    )
    .toEqual(['part 6', 'part 5', 'part 4', 'part 3', 'part 2', 'part 1', 'go'])
})

test('a message whose answer was lost is sent again and is there once', async () => {
  await using relay = await createTestRelay()
  await post(relay, 'plan', 'go')
  await using board = await openBoard(browser, relay, { at: '#/t/plan' })
  const { page } = board
  let attempts = 0
  await interceptCalls(page, 'relay_post_message', async (_, route) => {
    attempts += 1
    if (attempts > 1) return route.continue()
    await route.fetch()
    return route.abort()
  })
  await page.getByRole('textbox', { name: 'Write to plan' }).fill('Only once')
  await sendNow(page)
  await page.getByText('Not confirmed yet').waitFor()
  await board.look()
  await expect.poll(() => attempts).toBe(2)
  await expect.poll(() => page.getByText(/^(Sending|Not confirmed yet)/).count()).toBe(0)
  const { structuredContent } = await relay.call('relay_read_thread', { thread_name: 'plan' })
  expect(structuredContent.messages.map(({ content }: { content: string }) => content)).toEqual([
    'Only once',
    'go',
  ])
})
