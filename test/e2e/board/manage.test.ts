/** The person manages the relay from the board: messages, threads, connections, readers. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createSecret, startRelay } from '../../integration/events/receiver.ts'
import { go, linkOf, openBoard, sendNow, settle } from '../../support/board.ts'
import { openBrowser } from '../../support/browser.ts'
import { clientOf, createTestRelay, type TestRelay } from '../../support/relay.ts'

let browser: Browser
beforeAll(async () => {
  browser = await openBrowser()
})
afterAll(() => browser.close())

const LIST = {
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: { name: 'relay_list_threads' },
}

async function makeKey(relay: TestRelay, name: string): Promise<string> {
  const response = await relay.fetch('/manage', {
    method: 'POST',
    headers: { authorization: `Bearer ${relay.key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ action: 'make_key', name }),
  })
  return ((await response.json()) as { key: string }).key
}

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

/** The next answer with messages of a thread. */
function nextReading(page: Page) {
  return page.waitForResponse((response) => {
    const { params } = response.request().postDataJSON() ?? {}
    return params?.name === 'relay_read_thread'
  })
}

/** From now on, time passes in the page only as the test lets it. */
async function stopClock(page: Page): Promise<void> {
  await page.clock.pauseAt((await page.evaluate<number>('Date.now()')) + 10_000)
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
  await stopClock(page)
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
  await stopClock(page)
  await takeBack(page, 1)
  const renewed = nextReading(page)
  await takeBack(page, 2)
  const taken = async () => {
    const messages = await messagesOf(relay, 'plan')
    return messages
      .filter((each: { redacted?: true }) => each.redacted)
      .map(({ seq }: { seq: number }) => seq)
  }
  await expect.poll(taken).toEqual([1])
  // The relay still has the second text, which stays away from the page.
  await renewed
  await page.evaluate(`fetch('/health').then((response) => response.text())`)
  expect(await page.getByText('two', { exact: true }).count()).toBe(0)
  await page.goto('about:blank')
  await expect.poll(taken).toEqual([2, 1])
})

test.each([
  ['in the settings', '#/t/plan'],
  ['on the page of connections', '#/connections'],
])('a text that waits for its undo is taken back by signing out %s', async (_, place) => {
  await using relay = await createTestRelay()
  await post(relay, 'plan', 'the password is hunter2')
  await using board = await openBoard(browser, relay, { at: '#/t/plan', hasClock: true })
  const { page } = board
  await page.locator('.msg').getByText('the password is hunter2').waitFor()
  await stopClock(page)
  const order: string[] = []
  await page.route('**/manage', async (route) => {
    const { action } = route.request().postDataJSON()
    if (action.startsWith('list_')) return route.continue()
    order.push(`${action} asked`)
    const response = await route.fetch()
    order.push(`${action} answered`)
    await route.fulfill({ response })
  })
  await takeBack(page, 1)
  if (place === '#/connections') {
    const button = page.getByRole('button', { name: 'Sign out Relay board' })
    await go(page, place)
    await expect
      .poll(async () => {
        await page.clock.runFor(20)
        return button.count()
      })
      .toBe(1)
    await button.click()
    await page.locator('.asked').getByRole('button', { name: 'Sign out Relay board' }).click()
  } else {
    await page.getByRole('button', { name: 'Settings' }).click()
    await page.getByRole('menuitem', { name: 'Sign out' }).click()
  }
  await page.getByRole('button', { name: 'Sign in' }).waitFor()
  // A relay that has cut this board off would refuse it.
  expect(order.slice(0, 3)).toEqual([
    'redact_message asked',
    'redact_message answered',
    'disconnect asked',
  ])
  expect(await messagesOf(relay, 'plan')).toMatchObject([{ seq: 1, redacted: true }])
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
  await board.page.locator('.msg').getByText('hunter2').waitFor()
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
  await sendNow(page)
  await expect.poll(open).toBe(0)
  await expect.poll(() => page.getByText('Waits for your answer').count()).toBe(0)
  expect(complaints).toEqual([])
})

test('a key is made with the key of the relay only, works, and is refused once it is disconnected', async () => {
  await using relay = await createTestRelay()
  await using board = await openBoard(browser, relay, { at: '#/connections' })
  const { page, complaints } = board
  await page.getByText('this board').waitFor()
  await page.getByRole('link', { name: 'New key' }).click()
  const make = page.getByRole('button', { name: 'Make the key' })
  await make.click()
  await page.getByText('A key needs the name of its client.').waitFor()
  await page.getByLabel('Name of the client').fill('ci on the server')
  await page.getByLabel('Key of the relay itself').fill('not the key of this relay, but as long')
  await page.getByLabel('Read only').check()
  await make.click()
  await page.getByText('This is not the key of the relay itself.').waitFor()
  await page.getByLabel('Key of the relay itself').fill(relay.key)
  await make.click()
  const key = await page.getByLabel('Key of ci on the server, which may read only').inputValue()
  // The blocks that write the key out have this one, and none has that of the relay.
  const blocks = await page.locator('pre').allTextContents()
  expect(blocks.join()).toContain(`${key.slice(0, 4)}…${key.slice(-4)}`)
  expect(blocks.join()).not.toContain('YOUR_RELAY_KEY')
  const client = clientOf(relay.url, key)
  expect((await client.rpc(LIST)).status).toBe(200)
  const text = { thread_name: 'a', content: 'x', surface: 'other' }
  const write = { ...LIST, params: { name: 'relay_post_message', arguments: text } }
  expect((await client.rpc(write)).status).toBe(403)

  await go(page, '#/connections')
  const row = page.getByRole('listitem').filter({ hasText: 'ci on the server' })
  await row.getByText('Used in the last hour').waitFor()
  await row.getByText('Read only').waitFor()
  await row.getByRole('button', { name: 'Disconnect ci on the server' }).click()
  expect((await client.rpc(LIST)).status).toBe(200)
  await row.getByRole('button', { name: 'Cancel' }).click()
  expect(await row.getByText('Its next call is refused').count()).toBe(0)
  await row.getByRole('button', { name: 'Disconnect ci on the server' }).click()
  await row.locator('.asked').getByRole('button', { name: 'Disconnect ci on the server' }).click()
  await page.locator('.cut-ones summary').click()
  await page.locator('.cut-off').getByText('ci on the server').waitFor()
  expect((await client.rpc(LIST)).status).toBe(401)
  // A page that was opened anew does not show it again.
  await page.reload()
  await go(page, '#/connect')
  await page.getByRole('button', { name: 'Make the key' }).waitFor()
  expect(await page.content()).not.toContain(key)
  expect(complaints).toEqual([])
})

test('a board that disconnects itself with the keys it made is signed out, and they are cut off', async () => {
  await using relay = await createTestRelay()
  await using board = await openBoard(browser, relay, { at: '#/connect' })
  const { page } = board
  await page.getByLabel('Name of the client').fill('laptop')
  await page.getByLabel('Key of the relay itself').fill(relay.key)
  await page.getByRole('button', { name: 'Make the key' }).click()
  const key = await page.getByLabel('Key of laptop').inputValue()
  await go(page, '#/connections')
  await page.getByRole('button', { name: 'Sign out Relay board' }).click()
  await page.getByText('It made a key that is still good: laptop.').waitFor()
  const token = await page.evaluate(`JSON.parse(sessionStorage.getItem('relay-board')).access`)
  await page.getByRole('button', { name: '… and its key' }).click()
  await page.getByRole('button', { name: 'Sign in' }).waitFor()
  for (const each of [key, token as string]) {
    expect((await clientOf(relay.url, each).rpc(LIST)).status).toBe(401)
  }
})

test('a subscription is shown with what it wakes, and ended', async () => {
  await using started = await startRelay({})
  const { relay, receiver, subscribe } = started
  await subscribe(createSecret(), { arguments: { reader_tag: 'planner' } })
  await post(relay, 'release', 'one', { to: 'planner' })
  await expect.poll(() => receiver.events).toHaveLength(1)
  await using board = await openBoard(browser, relay, { at: '#/connections' })
  const { page, complaints } = board
  const row = page.getByRole('listitem').filter({ hasText: 'receiver.example' })
  await row.getByText('messages to planner').waitFor()
  await row.getByText('Sent just now').waitFor()
  expect(await page.content()).not.toContain('a-secret-of-the-address')
  await row.getByRole('button', { name: 'End what wakes client' }).click()
  await row.getByRole('button', { name: 'End it' }).click()
  await page.locator('.toast').getByText('client is no longer woken').waitFor()
  await expect.poll(() => page.getByText('Woken by messages').count()).toBe(0)
  await post(relay, 'release', 'two', { to: 'planner' })
  expect(receiver.events).toHaveLength(1)
  expect(complaints).toEqual([])
})

test('all connections but this board are cut off after a question that names them', async () => {
  await using relay = await createTestRelay()
  const keys: string[] = []
  for (const name of ['laptop', 'ci', 'ci']) {
    keys.push(await makeKey(relay, name))
  }
  await using board = await openBoard(browser, relay, { at: '#/connections' })
  const { page, complaints } = board
  await page.getByRole('button', { name: 'Disconnect all but this board' }).click()
  await page.getByText('Cuts off 3 connections: ci (2), laptop.').waitFor()
  // It is not among those named.
  const late = await makeKey(relay, 'late')
  await page.getByRole('button', { name: 'Disconnect these 3' }).click()
  await page.locator('.toast').getByText('3 connections cut off').waitFor()
  await page.getByRole('button', { name: 'Disconnect late' }).waitFor()
  const statuses = await Promise.all(
    [...keys, late, relay.key].map(
      async (key) => (await clientOf(relay.url, key).rpc(LIST)).status,
    ),
  )
  expect(statuses).toEqual([401, 401, 401, 200, 200])
  expect(await page.getByRole('button', { name: 'Disconnect all but this board' }).count()).toBe(0)
  await page.getByText('this board').waitFor()
  expect(complaints).toEqual([])
})

test('the archive says which threads the relay is about to delete, and when', async () => {
  await using relay = await createTestRelay({ bindings: { RELAY_DELETE_ARCHIVED_DAYS: '30' } })
  for (const thread_name of ['old', 'older', 'kept']) {
    await post(relay, thread_name, 'one')
    await relay.call('relay_archive_thread', { thread_name })
  }
  const owner = await relay.database.connect('postgres')
  const age = (name: string, hours: number) =>
    owner.query(
      `update relay_threads set archived_at = now() - make_interval(hours => $2),
        last_message_at = now() - make_interval(hours => $2) where name = $1`,
      [name, hours],
    )
  await age('old', 34 * 24 + 1)
  await age('older', 36 * 24 + 1)
  await using board = await openBoard(browser, relay)
  const { page, complaints } = board
  const actions = followActions(page)
  await page.locator('summary', { hasText: 'Archived' }).waitFor()
  expect(actions).toEqual([])
  await page.locator('summary', { hasText: 'Archived' }).click()
  const due = page.getByRole('region', { name: 'Due for deletion' }).getByRole('listitem')
  await due.first().waitFor()
  expect(await due.allInnerTexts()).toEqual(['older\nwithin a day', 'old\nin 3 days'])
  await due.first().click()
  await page.getByText('Restore', { exact: true }).click()
  await page.locator('.toast').getByText('older restored').waitFor()
  // The archive closes with the thread that was open in it.
  await page.locator('details:not([open]) > summary', { hasText: 'Archived' }).click()
  await expect.poll(() => due.allInnerTexts()).toEqual(['old\nin 3 days'])
  expect(complaints).toEqual([])
})

test('a reader is forgotten after a question, the person never', async () => {
  await using relay = await createTestRelay()
  await post(relay, 'plan', 'one')
  await post(relay, 'plan', 'two', { reader_tag: 'nightly' })
  await using board = await openBoard(browser, relay)
  const { page, complaints } = board
  await page.getByRole('link', { name: /readers?/ }).click()
  const row = page.getByRole('region', { name: 'All readers' }).getByRole('listitem')
  await row.filter({ hasText: 'nightly' }).waitFor()
  expect(await row.filter({ hasText: 'board' }).getByRole('button').count()).toBe(0)
  await page.getByRole('button', { name: 'Forget laptop-code' }).click()
  await page.getByText('Its bookmarks go, with 1 unread.').waitFor()
  await page.locator('.asked').getByRole('button', { name: 'Forget laptop-code' }).click()
  await expect.poll(() => row.filter({ hasText: 'laptop-code' }).count()).toBe(0)
  const { structuredContent } = await relay.call('relay_list_threads', { reader_tag: 'nightly' })
  expect(JSON.stringify(structuredContent.readers)).not.toContain('laptop-code')
  expect(complaints).toEqual([])
})

test('readers come fifty at a time', async () => {
  await using relay = await createTestRelay()
  for (let i = 10; i < 65; i += 1) await post(relay, 'plan', 'x', { reader_tag: `reader-${i}` })
  await using board = await openBoard(browser, relay)
  const { page } = board
  // With the list, the person is a reader too.
  await page.locator('.row').waitFor()
  await go(page, '#/readers')
  const rows = page.locator('.lines > li')
  await page.getByRole('button', { name: 'More readers' }).click()
  // The list of threads names the latest readers as well.
  await expect.poll(() => rows.count()).toBe(56)
  expect(await page.getByRole('button', { name: 'More readers' }).count()).toBe(0)
})

/** Opens a dialog of the thread's menu. */
async function choose(page: Page, item: string) {
  await page.getByRole('button', { name: 'More actions' }).click()
  await page.getByRole('menuitem', { name: item }).click()
  const dialog = page.getByRole('dialog')
  await dialog.waitFor()
  return dialog
}

test('a thread that gets another name and description takes its address, draft and links along', async () => {
  await using relay = await createTestRelay()
  await post(relay, 'plan', 'one')
  await post(relay, 'other', 'two')
  await using board = await openBoard(browser, relay, { at: '#/t/plan' })
  const { page, complaints } = board
  await page.getByRole('textbox', { name: 'Write to plan' }).fill('half a thought')
  const dialog = await choose(page, 'Name and description')
  await dialog.getByLabel('Name').fill('Other')
  await dialog.getByLabel('Description').fill('Beds and bulbs')
  await dialog.getByRole('button', { name: 'Save' }).click()
  await dialog.getByText('Another thread has this name, or had it.').waitFor()
  await page.getByText('Beds and bulbs').first().waitFor()
  await dialog.getByLabel('Name').fill('garden')
  await dialog.getByRole('button', { name: 'Save' }).click()
  await page.getByRole('heading', { name: 'garden' }).waitFor()
  await expect.poll(() => page.getByRole('dialog').count()).toBe(0)
  expect(await page.evaluate('location.hash')).toBe('#/t/garden')
  const field = page.getByRole('textbox', { name: 'Write to garden' })
  expect(await field.inputValue()).toBe('half a thought')
  const { structuredContent } = await relay.call('relay_list_threads')
  expect(structuredContent.threads).toMatchObject([
    { name: 'other' },
    { name: 'garden', description: 'Beds and bulbs' },
  ])
  await expect.poll(() => page.getByRole('link', { name: /^plan/ }).count()).toBe(0)
  // A bookmark with the old name, and a description that is taken away.
  await go(page, '#/')
  await go(page, '#/t/plan/1')
  await page.getByRole('heading', { name: 'garden' }).waitFor()
  await expect.poll(() => page.evaluate('location.hash')).toBe('#/t/garden/1')
  const again = await choose(page, 'Name and description')
  await again.getByLabel('Description').fill('')
  await again.getByRole('button', { name: 'Save' }).click()
  await expect.poll(() => page.getByText('Beds and bulbs').count()).toBe(0)
  expect(complaints).toEqual([])
})

test('a thread that is renamed elsewhere is followed, with its draft', async () => {
  await using relay = await createTestRelay()
  await post(relay, 'plan', 'one')
  await using board = await openBoard(browser, relay, { at: '#/t/plan' })
  const { page, context } = board
  await page.getByRole('textbox', { name: 'Write to plan' }).fill('half a thought')
  const second = await context.newPage()
  await second.goto(await linkOf(relay))
  await second.locator('.app').waitFor()
  await go(second, '#/t/plan')
  const dialog = await choose(second, 'Name and description')
  await dialog.getByLabel('Name').fill('garden')
  await dialog.getByRole('button', { name: 'Save' }).click()
  const field = page.getByRole('textbox', { name: 'Write to garden' })
  await field.waitFor()
  expect(await field.inputValue()).toBe('half a thought')
})

test('only an archived thread is deleted, by its name, with a warning about open questions', async () => {
  await using relay = await createTestRelay()
  await post(relay, 'plan', 'May I?', { to: 'board' })
  await post(relay, 'plan', 'And you?', { to: 'nightly' })
  await using board = await openBoard(browser, relay, { at: '#/t/plan' })
  const { page, complaints } = board
  await page.getByRole('button', { name: 'More actions' }).click()
  expect(await page.getByRole('menuitem', { name: 'Delete' }).count()).toBe(0)
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: 'Archive', exact: true }).click()
  await page.getByText('Archived. A new message reopens it.').waitFor()
  const actions = followActions(page)
  const dialog = await choose(page, 'Delete')
  await dialog.getByText('#2 to nightly, #1 to you').waitFor()
  const saved = page.waitForEvent('download')
  await dialog.getByRole('button', { name: 'Download it first' }).click()
  expect((await saved).suggestedFilename()).toBe('plan.md')
  await dialog.getByLabel('Type its name').fill('pla')
  await page.keyboard.press('Enter')
  await dialog.getByLabel('Type its name').fill('plan')
  expect(actions).not.toContainEqual(expect.objectContaining({ action: 'delete_thread' }))
  await dialog.getByRole('button', { name: 'Delete for good' }).click()
  await page.locator('.toast').getByText('plan deleted').waitFor()
  await expect.poll(() => page.getByRole('dialog').count()).toBe(0)
  expect(await page.evaluate('location.hash')).toBe('#/')
  const args = { include_archived: true }
  const { structuredContent } = await relay.call('relay_list_threads', args)
  expect(structuredContent.threads).toEqual([])
  expect(complaints).toEqual([])
})

test('a thread that was reopened meanwhile is not deleted, and the dialog says why', async () => {
  await using relay = await createTestRelay()
  await post(relay, 'plan', 'one')
  await relay.call('relay_archive_thread', { thread_name: 'plan' })
  await using board = await openBoard(browser, relay, { at: '#/t/plan' })
  const dialog = await choose(board.page, 'Delete')
  await dialog.getByLabel('Type its name').fill('plan')
  await post(relay, 'plan', 'two')
  await dialog.getByRole('button', { name: 'Delete for good' }).click()
  await dialog.getByText('is not archived').waitFor()
  expect(await messagesOf(relay, 'plan')).toHaveLength(2)
})

test('a read-only sign-in sees nothing of all this', async () => {
  await using relay = await createTestRelay()
  await post(relay, 'plan', 'May I?', { to: 'board' })
  await using board = await openBoard(browser, relay, { signedOut: true, at: '#/t/plan' })
  const { page } = board
  const actions = followActions(page)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByLabel('read only').check()
  await page.getByLabel('Key of this relay').fill(relay.key)
  await page.getByRole('button', { name: 'Allow' }).click()
  const message = page.locator('[data-seq="1"]')
  await message.getByText('May I?').waitFor()
  expect(await page.getByText('Waits for your answer').count()).toBe(0)
  await message.hover()
  expect(await message.getByRole('button', { name: 'Actions for message 1' }).count()).toBe(0)
  await page.getByRole('button', { name: 'More actions' }).click()
  expect(await page.getByRole('menuitem', { name: 'Name and description' }).count()).toBe(0)
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: 'Settings' }).click()
  expect(await page.getByRole('menuitem').allInnerTexts()).toEqual(['Sign out'])
  await page.keyboard.press('Escape')
  expect(await page.getByRole('link', { name: /readers?/ }).count()).toBe(0)
  for (const place of ['#/connections', '#/readers']) {
    await go(page, place)
    await page.getByRole('region', { name: 'For you' }).waitFor()
  }
  await go(page, '#/connect')
  await page.getByLabel('Key, to fill it in').waitFor()
  expect(await page.getByRole('button', { name: 'Make the key' }).count()).toBe(0)
  expect(actions).toEqual([])
})

test('a long message stays open when another in the thread has changed', async () => {
  await using relay = await createTestRelay()
  await post(relay, 'plan', `${'word '.repeat(4_000)}the end`)
  await post(relay, 'plan', 'May I?', { to: 'board' })
  await using board = await openBoard(browser, relay, { at: '#/t/plan' })
  const { page } = board
  await page.getByRole('button', { name: /^Show all/ }).click()
  await page.getByRole('button', { name: 'Show less' }).waitFor()
  const renewed = nextReading(page)
  await page.getByRole('button', { name: 'Done: message 2 needs no answer' }).click()
  await renewed
  await settle(page)
  await page.locator('.msg').getByText('the end').waitFor()
  expect(await page.getByRole('button', { name: 'Show less' }).count()).toBe(1)
})

test('a page of a relay that has been replaced says how to get the parts it lacks', async () => {
  await using relay = await createTestRelay()
  await using board = await openBoard(browser, relay, { signedOut: true })
  const { page } = board
  await page.route('**/board/later-*.js', (route) => route.fulfill({ status: 404 }))
  await page.goto(await linkOf(relay))
  await page.locator('.app').waitFor()
  await go(page, '#/search?q=words')
  await page.getByRole('heading', { name: 'This part could not be loaded' }).waitFor()
  await page.unroute('**/board/later-*.js')
  await page.getByRole('button', { name: 'Reload the page' }).click()
  await page.getByText('No message contains').waitFor()
})
