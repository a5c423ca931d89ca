/** The board when something is wrong, missing or a lot. */
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  findOverflow,
  go,
  interceptCalls,
  linkOf,
  openBoard,
  sendNow,
  settle,
} from '../../support/board.ts'
import { openBrowser } from '../../support/browser.ts'
import { startFaults } from '../../support/faults.ts'
import { createTestRelay } from '../../support/relay.ts'

let browser: Browser
beforeAll(async () => {
  browser = await openBrowser()
})
afterAll(() => browser.close())

test('with the database away the board says so, keeps what it shows, and recovers', async () => {
  await using faults = await startFaults()
  await using relay = await createTestRelay({ faults })
  const post = (content: string) =>
    relay.call('relay_post_message', { thread_name: 'a', content, surface: 'code' })
  await post('before')
  await using board = await openBoard(browser, relay, { at: '#/t/a' })
  const { page, complaints } = board
  await page.getByText('before', { exact: true }).waitFor()
  await faults.always('refuse')
  await board.look()
  await page.getByText('The database cannot be reached').first().waitFor()
  await page.getByRole('textbox', { name: 'Write to a' }).fill('written meanwhile')
  await sendNow(page)
  await page.getByText('Not confirmed yet').waitFor()
  expect(await page.getByText('before', { exact: true }).isVisible()).toBe(true)
  await faults.always('none')
  await board.look()
  await expect.poll(() => page.getByText('The database cannot be reached').count()).toBe(0)
  await expect
    .poll(async () =>
      (await relay.call('relay_read_thread', { thread_name: 'a' })).structuredContent.messages.map(
        ({ content }: { content: string }) => content,
      ),
    )
    .toEqual(['written meanwhile', 'before'])
  await expect.poll(() => page.getByText('written meanwhile', { exact: true }).count()).toBe(1)
  expect(complaints).toEqual([])
})

test('offline and back: the board says so, and the missed messages appear', async () => {
  await using relay = await createTestRelay()
  await relay.call('relay_post_message', { thread_name: 'a', content: 'before', surface: 'code' })
  await using board = await openBoard(browser, relay, { at: '#/t/a' })
  const { page, context } = board
  await page.getByText('before', { exact: true }).waitFor()
  await context.setOffline(true)
  await board.look()
  await page.getByText('Offline.').waitFor()
  await page.getByRole('button', { name: 'Try now' }).focus()
  await relay.call('relay_post_message', { thread_name: 'a', content: 'missed', surface: 'code' })
  await context.setOffline(false)
  await page.getByText('missed', { exact: true }).waitFor()
  expect(await page.getByText('Offline.').count()).toBe(0)
  // The button that had the focus is gone.
  expect(await page.evaluate('document.activeElement.className')).toBe('scroll')

  // Something in front of the relay may refuse; that says nothing about the sign-in.
  await page.route('**/mcp', (route) => route.fulfill({ status: 403, body: 'Forbidden' }))
  await board.look()
  await page.getByText('unreadable answer (403)').waitFor()
})

test('a thread that is renamed while it is open is missing, and its draft stays in its field', async () => {
  await using relay = await createTestRelay()
  await relay.call('relay_post_message', { thread_name: 'old', content: 'words', surface: 'code' })
  await using board = await openBoard(browser, relay, { at: '#/t/old', hasClock: true })
  const { page } = board
  const field = page.getByRole('textbox', { name: 'Write to old' })
  await page.getByText('words', { exact: true }).waitFor()
  await field.fill('a draft')
  await relay.database.pool(1, 'postgres').query(`update relay_threads set name = 'new'`)
  // The next look at the whole list.
  await page.clock.fastForward(121_000)
  await page.getByText('There is no such thread').waitFor()
  expect(await field.inputValue()).toBe('a draft')
  await go(page, '#/t/new')
  await page.getByText('words', { exact: true }).waitFor()
  await go(page, '#/t/old')
  await page.getByText('There is no such thread').waitFor()
  expect(await field.inputValue()).toBe('a draft')
})

test('a hidden page looks once a minute and counts, and at once when it is seen again', async () => {
  await using relay = await createTestRelay()
  const post = (content: string) =>
    relay.call('relay_post_message', { thread_name: 'a', content, surface: 'code', to: 'board' })
  await post('one')
  await using board = await openBoard(browser, relay, { hasClock: true })
  const { page } = board
  await expect.poll(() => page.title()).toBe('(1) For you · Relay')
  const hide = (hidden: boolean) =>
    page.evaluate(`Object.defineProperty(document, 'hidden', { value: ${hidden}, configurable: true })
      document.dispatchEvent(new Event('visibilitychange'))`)
  let asked: string[] = []
  page.on('request', (request) => {
    const { pathname } = new URL(request.url())
    // A file of the board, which is loaded once, is not a look.
    if (!pathname.startsWith('/board/')) asked.push(pathname)
  })
  // The minute begins with the answer.
  const looked = page.waitForResponse((response) =>
    /relay_list_threads/.test(response.request().postData() ?? ''),
  )
  await hide(true)
  await (await looked).finished()
  await settle(page)
  asked = []
  await post('two')
  // The page's requests would stand between these; each leaves time for the answer before it.
  for (let i = 0; i < 5; i += 1) {
    await page.evaluate(`fetch('/health').then((response) => response.text())`)
    await page.clock.fastForward(10_000)
  }
  expect(new Set(asked)).toEqual(new Set(['/health']))
  await page.clock.fastForward(11_000)
  await expect.poll(() => page.title()).toContain('(2)')
  await hide(false)
  asked = []
  await expect.poll(() => asked).toContain('/mcp')
})

test('a message appears while the page waits, without a look, and so does the next', async () => {
  await using relay = await createTestRelay()
  const post = (content: string) =>
    relay.call('relay_post_message', { thread_name: 'a', content, surface: 'code' })
  await post('one')
  await using board = await openBoard(browser, relay, { at: '#/t/a' })
  const { page } = board
  await page.locator('.msg', { hasText: 'one' }).waitFor()
  const asked: string[] = []
  page.on('request', (request) => asked.push(request.postDataJSON()?.params.name))
  for (const content of ['two', 'three', 'four']) {
    await post(content)
    await page.locator('.msg', { hasText: content }).waitFor()
  }
  // The waits, and for each message the list, the message, and the mark that it was read.
  expect(asked.length).toBeLessThanOrEqual(15)
})

test('a search marks its words, has an address, and leads to the message in place', async () => {
  await using relay = await createTestRelay()
  for (let i = 1; i <= 80; i += 1) {
    await relay.call('relay_post_message', {
      thread_name: 'long',
      content: i === 7 ? 'the **lantern** is lit' : `line ${i}`,
      surface: i % 2 ? 'code' : 'chat',
      reader_tag: i % 2 ? 'laptop-code' : 'phone-chat',
    })
  }
  await using board = await openBoard(browser, relay)
  const { page } = board
  await page.locator('body').press('/')
  await page.keyboard.type('lantern')
  await page.keyboard.press('Enter')
  const hit = page.getByRole('link', { name: /lantern/ }).filter({ has: page.locator('mark') })
  await hit.waitFor()
  expect(await hit.locator('mark').innerText()).toBe('lantern')
  expect(page.url()).toContain('#/search?q=lantern')
  await page.reload()
  await hit.click()
  await page.locator('.msg.target').waitFor()
  expect(page.url()).toContain('#/t/long/7')
  expect(await page.locator('.msg.target').innerText()).toContain('lantern')
  await go(page, '#/search?thread=long&surface=chat')
  await page.getByText('line 80', { exact: true }).waitFor()
  expect(await page.getByText('line 79', { exact: true }).count()).toBe(0)
  await go(page, '#/search?thread=long&from=laptop-code')
  await page.getByText('line 79', { exact: true }).waitFor()
  expect(await page.getByText('line 80', { exact: true }).count()).toBe(0)
  await go(page, '#/search?q=unicorn')
  await page.getByText('No message contains').waitFor()

  // A thread without a word is paged through as well, and two presses are one page.
  await go(page, '#/search?thread=long')
  const older = page.getByRole('button', { name: 'Older messages' })
  await older.waitFor()
  await page.getByText('80 messages').waitFor()
  await older.evaluate((button: { click(): void }) => {
    button.click()
    button.click()
  })
  await expect.poll(() => page.locator('.hit').count()).toBe(80)
  expect(await older.count()).toBe(0)

  // A late failure concerns its own search.
  let fail: (() => Promise<void>) | undefined
  await interceptCalls(page, 'relay_read_thread', ({ before_seq }, route) =>
    before_seq === undefined
      ? undefined
      : new Promise((resolve) => {
          fail = () => route.abort().then(resolve)
        }),
  )
  await go(page, '#/search?q=line&thread=long')
  await older.click()
  await expect.poll(() => fail).toBeDefined()
  await go(page, '#/search?q=lantern&thread=long')
  await hit.waitFor()
  await fail?.()
  await settle(page)
  expect(await hit.isVisible()).toBe(true)
  expect(await page.locator('.toast').count()).toBe(0)
})

test('ten thousand messages: any place opens, and scrolling up never jumps', async () => {
  await using relay = await createTestRelay()
  await relay.call('relay_post_message', { thread_name: 'long', content: 'x', surface: 'code' })
  await relay.database.pool(1, 'postgres').query(
    `insert into relay_messages (thread_id, user_id, surface, content, seq)
     select t.id, t.user_id, 'code', 'line ' || i || repeat(' word', i % 60), i
     from relay_threads t, generate_series(2, 10000) i;
     update relay_threads set last_seq = 10000, message_count = 10000;`,
  )
  await using board = await openBoard(browser, relay, { at: '#/t/long/5000' })
  const { page, complaints } = board
  await page.locator('.msg.target').waitFor()
  const box = page.locator('.scroll').last()
  const height = () => box.evaluate((element) => element.scrollHeight)
  // The earlier messages come when the test lets them.
  const held: (() => void)[] = []
  await interceptCalls(page, 'relay_read_thread', ({ before_seq }, route) =>
    Number(before_seq) > 9_000
      ? undefined
      : new Promise((resolve) => {
          held.push(() => resolve(route.fallback()))
        }),
  )
  for (let i = 0; i < 5; i += 1) {
    await box.evaluate((element) => {
      element.scrollTop = 300
    })
    await expect.poll(() => held.length).toBe(1)
    const find = `[...document.querySelectorAll('.msg')].find((each) => each.getBoundingClientRect().top > 300)`
    await expect.poll(() => page.evaluate(`${find} !== undefined`)).toBe(true)
    const seq = await page.evaluate(`${find}.dataset.seq`)
    const top = () =>
      page
        .locator(`[data-seq="${seq}"]`)
        .boundingBox()
        .then((each) => each?.y ?? 0)
    const [before, known] = [await top(), await height()]
    held.pop()?.()
    await expect.poll(height).toBeGreaterThan(known)
    // The message that was on screen still is, at its place.
    await settle(page)
    expect(Math.abs((await top()) - before)).toBeLessThan(8)
  }
  await page.getByRole('button', { name: 'Latest' }).click()
  await page.locator('[data-seq="10000"]').waitFor()
  expect(complaints).toEqual([])
})

test('a word of 100,000 characters is folded, opened, and never wider than the page', async () => {
  await using relay = await createTestRelay()
  const content = 'w'.repeat(100_000)
  await relay.call('relay_post_message', { thread_name: 'a', content, surface: 'code' })
  await relay.call('relay_post_message', { thread_name: 'a', content: 'next', surface: 'code' })
  await using board = await openBoard(browser, relay, {
    at: '#/t/a',
    viewport: { width: 360, height: 740 },
  })
  const { page } = board
  await page.getByRole('button', { name: 'Show all 100,000 characters' }).click()
  await page.getByRole('button', { name: 'Show less' }).waitFor()
  expect(
    await page
      .locator('.msg .md')
      .first()
      .evaluate((e) => e.textContent?.length),
  ).toBe(100_000)
  expect(await findOverflow(page)).toBe(0)
})

test('a thousand threads: the list holds 500, and typing finds any other', async () => {
  await using relay = await createTestRelay()
  await relay.call('relay_post_message', { thread_name: 'first', content: 'x', surface: 'code' })
  await relay.database.pool(1, 'postgres').query(
    `insert into relay_threads (user_id, name, created_at, last_message_at)
     select user_id, 'thread ' || i, now() - i * interval '1 hour', now() - i * interval '1 hour'
     from relay_threads, generate_series(1, 1000) i`,
  )
  await using board = await openBoard(browser, relay)
  const { page } = board
  await page.getByText('501 older threads').waitFor()
  await page.getByRole('searchbox').fill('thread 987')
  await page.getByRole('link', { name: 'thread 987' }).waitFor()
  await relay.database.pool(1, 'postgres').query(
    `insert into relay_messages (thread_id, user_id, surface, content, seq)
     select t.id, t.user_id, 'code', 'line ' || i, i
     from relay_threads t, generate_series(1, 200) i where t.name = 'thread 987';
     update relay_threads set last_seq = 200, message_count = 200 where name = 'thread 987';`,
  )
  // A thread outside the list has an end as well.
  await go(page, '#/t/thread%20987/10')
  await page.locator('.msg.target').waitFor()
  await page.locator('.scroll').last().hover()
  await expect
    .poll(async () => {
      await page.mouse.wheel(0, 1_500)
      return page.locator('[data-seq="200"]').isVisible()
    })
    .toBe(true)
  await expect.poll(() => page.getByRole('button', { name: 'Latest' }).count()).toBe(0)
})

test('ages are right on a device whose clock is three days ahead', async () => {
  await using relay = await createTestRelay()
  await relay.call('relay_post_message', {
    thread_name: 'a',
    content: 'just now',
    surface: 'code',
    reader_tag: 'reviewer',
  })
  await using board = await openBoard(browser, relay, { signedOut: true })
  const { page } = board
  await page.clock.install({ time: Date.now() + 3 * 86_400_000 })
  await page.route('**/mcp', async (route) => {
    const response = await route.fetch()
    // As every relay sends it.
    const headers = { ...response.headers(), date: new Date().toUTCString() }
    await route.fulfill({ response, headers })
  })
  await page.goto(await linkOf(relay))
  await page.locator('.row').waitFor()
  expect(await page.locator('.row-age').innerText()).toBe('now')
  await page.getByText('1 live now').waitFor()
  await go(page, '#/t/a')
  await page.locator('.day', { hasText: 'Today' }).waitFor()
})
