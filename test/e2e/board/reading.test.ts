/** Reading in the board: where a thread opens, which messages count as read, and where the keyboard is. */
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findOverflow, go, interceptCalls, openBoard, settle } from '../../support/board.ts'
import { openBrowser } from '../../support/browser.ts'
import { createTestRelay, type TestRelay } from '../../support/relay.ts'

let browser: Browser
beforeAll(async () => {
  browser = await openBrowser()
})
afterAll(() => browser.close())

/** A thread of `count` messages of 2 KB, with the eleventh so long that it comes cut; ten are read. */
async function createLongThread(relay: TestRelay, count = 200): Promise<void> {
  const post = { thread_name: 'long', content: 'line 1', surface: 'code' }
  await relay.call('relay_post_message', post)
  const pool = relay.database.pool(1, 'postgres')
  await pool.query(
    `insert into relay_messages (thread_id, user_id, surface, content, seq)
     select t.id, t.user_id, 'code',
       'line ' || i || E'\\n\\n' || repeat('words ', case i when 11 then 1500 else 330 end), i
     from relay_threads t, generate_series(2, ${count}) i`,
  )
  await pool.query(`update relay_threads set last_seq = ${count}, message_count = ${count}`)
  await relay.call('relay_check_new', {
    reader_tag: 'board',
    thread_name: 'long',
    ack_seq: 10,
    peek: true,
  })
}

async function readCursor(relay: TestRelay): Promise<number> {
  const { rows } = await relay.database
    .pool(1, 'postgres')
    .query(
      `select last_read_seq::int as seq from relay_read_cursors where reader_tag = 'board' order by 1 desc`,
    )
  return rows[0]?.seq
}

test('among long messages an address and the first unread one are where the thread opens', async () => {
  await using relay = await createTestRelay()
  await createLongThread(relay)
  await using board = await openBoard(browser, relay, { at: '#/t/long/100' })
  const { page } = board
  const isOnScreen = (seq: number) =>
    page.evaluate(`(() => {
      const { top, bottom } = document.querySelector('[data-seq="${seq}"]')?.getBoundingClientRect() ?? {}
      return top < innerHeight && bottom > 0
    })()`)
  await page.locator('.msg.target[data-seq="100"]').waitFor()
  await expect.poll(() => isOnScreen(100)).toBe(true)
  // The messages after it are there as well, so that the message stands in the middle.
  await page.locator('[data-seq="102"]').waitFor({ state: 'attached' })
  expect(await readCursor(relay)).toBe(10)

  // The first acknowledgement is lost; nothing is scrolled after that.
  let lost = 0
  await interceptCalls(page, 'relay_check_new', ({ ack_seq }, route) => {
    if (ack_seq === undefined || lost > 0) return undefined
    lost += 1
    return route.abort()
  })
  await go(page, '#/')
  await go(page, '#/t/long')
  await page.getByText('190 new').waitFor()
  await expect.poll(() => isOnScreen(11)).toBe(true)
  await expect.poll(() => lost).toBe(1)
  await board.look()
  await expect.poll(() => readCursor(relay)).toBeGreaterThan(10)
})

test('a message that was not on screen stays unread, even when one before it comes late', async () => {
  await using relay = await createTestRelay()
  await createLongThread(relay)
  await using board = await openBoard(browser, relay, { at: '#/t/long' })
  const { page } = board
  let release = () => {}
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  await interceptCalls(page, 'relay_read_thread', ({ seq }, route) =>
    seq === 11 ? released.then(() => route.continue()) : undefined,
  )
  await page.getByRole('button', { name: /^Show all/ }).click()
  await page.getByRole('button', { name: 'Latest' }).click()
  await page.locator('[data-seq="200"]').waitFor()
  const whole = page.waitForResponse((response) =>
    /"seq":11\b/.test(response.request().postData() ?? ''),
  )
  release()
  await (await whole).finished()
  await settle(page)
  expect(await page.locator('[data-seq="11"]').count()).toBe(0)
  expect(await readCursor(relay)).toBeLessThan(20)
})

test('a message that comes while its thread is opened is read once it was on screen', async () => {
  await using relay = await createTestRelay()
  const post = { thread_name: 'a', surface: 'code' }
  await relay.call('relay_post_message', { ...post, content: 'first' })
  const read = { reader_tag: 'board', thread_name: 'a', ack_seq: 1, peek: true }
  await relay.call('relay_check_new', read)
  await using board = await openBoard(browser, relay)
  const { page } = board
  await page.getByRole('link', { name: /^a/ }).waitFor()
  // It is after the look at the unread messages, and before they are read.
  const looked = page.waitForResponse((response) =>
    /"thread_name":"a","peek":true/.test(response.request().postData() ?? ''),
  )
  let posted: Promise<unknown> | undefined
  const second = () => {
    posted ??= relay.call('relay_post_message', { ...post, content: 'second' })
    return posted
  }
  await interceptCalls(page, 'relay_read_thread', async (_, route) => {
    await (await looked).finished()
    await second()
    await route.continue()
  })
  await go(page, '#/t/a')
  await page.getByText('second', { exact: true }).waitFor()
  await expect.poll(() => readCursor(relay)).toBe(2)
})

test('the focus is never lost, and arrows start from the messages on screen', async () => {
  await using relay = await createTestRelay()
  await createLongThread(relay, 60)
  for (const name of ['b', 'c', 'd', 'e']) {
    await relay.call('relay_post_message', { thread_name: name, content: name, surface: 'code' })
  }
  await using board = await openBoard(browser, relay, { at: '#/t/long/30' })
  const { page } = board
  const { keyboard } = page
  const focused = (what: string) => page.evaluate(`document.activeElement.${what}`)
  await page.locator('.msg.target').waitFor()
  await page.locator('[data-seq="35"]').waitFor({ state: 'attached' })
  await page.locator('.scroll').focus()
  await keyboard.press('ArrowUp')
  expect(Math.abs(Number(await focused('dataset.seq')) - 30)).toBeLessThan(3)
  await page.getByRole('button', { name: 'Latest' }).press('Enter')
  await page.locator('[data-seq="60"]').waitFor()
  await expect.poll(() => focused('className')).toBe('scroll')

  // A message that is taller than the screen scrolls before it is left.
  await go(page, '#/t/long/11')
  await page.locator('.msg.target').waitFor()
  await page.getByRole('button', { name: /^Show all/ }).press('Enter')
  await page.getByRole('button', { name: 'Show less' }).waitFor()
  expect(await focused('className')).not.toBe('')
  await page.locator('[data-seq="11"]').focus()
  await keyboard.press('ArrowDown')
  expect(await focused('dataset.seq')).toBe('11')

  await page.getByRole('button', { name: 'Archive', exact: true }).press('Enter')
  await page.getByRole('button', { name: 'Undo' }).press('Enter')
  await expect.poll(() => page.getByRole('button', { name: 'Undo' }).count()).toBe(0)
  expect(await focused('className')).not.toBe('')
})

test('a key that is held down asks only for the thread at which it stops', async () => {
  await using relay = await createTestRelay()
  for (const name of ['one', 'two', 'three', 'four', 'five']) {
    await relay.call('relay_post_message', { thread_name: name, content: name, surface: 'code' })
  }
  await using board = await openBoard(browser, relay, { hasClock: true })
  const { page } = board
  await page.getByRole('link', { name: /^one/ }).first().waitFor()
  let asked = 0
  page.on('request', (request) => {
    if (request.postData()?.includes('"name":"relay_read_thread"')) asked += 1
  })
  await page.clock.pauseAt(Date.now() + 60_000)
  const place = () => new URL(page.url()).hash
  for (let i = 0; i < 4; i += 1) {
    const before = place()
    await page.locator('body').press('j')
    await expect.poll(place).not.toBe(before)
  }
  await page.clock.resume()
  const name = place().replace('#/t/', '')
  await page.locator('.pane .msg .md', { hasText: new RegExp(`^\\s*${name}\\s*$`) }).waitFor()
  // The first one, and the last.
  expect(asked).toBe(2)
})

test('a second key moves on from where the first has led, however soon it comes', async () => {
  await using relay = await createTestRelay()
  for (const thread_name of ['one', 'two', 'three']) {
    await relay.call('relay_post_message', { thread_name, content: 'x', surface: 'code' })
  }
  await using board = await openBoard(browser, relay)
  const { page } = board
  await page.getByRole('link', { name: /^one/ }).first().waitFor()
  await page.evaluate(`for (let n = 0; n < 2; n += 1) {
    document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 'j', bubbles: true }))
  }`)
  await page.getByRole('heading', { name: 'two' }).waitFor()
  expect(new URL(page.url()).hash).toBe('#/t/two')
})

test('at the end of a thread the last message stays in sight while the window shrinks', async () => {
  await using relay = await createTestRelay()
  await createLongThread(relay, 60)
  await relay.call('relay_check_new', { reader_tag: 'b', limit: 1 })
  const read = { reader_tag: 'board', thread_name: 'long', ack_seq: 60, peek: true }
  await relay.call('relay_check_new', read)
  await using board = await openBoard(browser, relay, {
    at: '#/t/long',
    viewport: { width: 390, height: 844 },
    hasTouch: true,
  })
  const { page } = board
  await page.locator('[data-seq="60"]').waitFor()
  const isAtEnd = () =>
    page.evaluate(`(({ scrollHeight, scrollTop, clientHeight }) =>
      scrollHeight - scrollTop - clientHeight < 2)(document.querySelector('.scroll'))`)
  await expect.poll(isAtEnd).toBe(true)
  // By then the thread has been opened, and nothing keeps its position for the first frames any more.
  await page.evaluate(`new Promise((resolve) => {
    let frames = 20
    requestAnimationFrame(function next() {
      frames -= 1
      if (frames === 0) resolve()
      else requestAnimationFrame(next)
    })
  })`)
  await page.setViewportSize({ width: 390, height: 420 })
  await expect.poll(isAtEnd).toBe(true)
  // The keyboard leaves when the menu takes the focus: the menu stays, and at its button.
  await page.getByRole('button', { name: 'To everyone' }).click()
  await page.setViewportSize({ width: 390, height: 844 })
  const button = await page.getByRole('button', { name: 'To everyone' }).boundingBox()
  await expect
    .poll(async () => {
      const menu = await page.locator('.menu').boundingBox()
      return menu && button && Math.round(button.y - menu.y - menu.height)
    })
    .toBe(4)
  await page.getByRole('menuitemcheckbox', { name: /^b/ }).click()
  await page.getByRole('button', { name: 'To b', exact: true }).waitFor()
})

test('lists in lists, badges and long names keep their shape and their room', async () => {
  await using relay = await createTestRelay()
  await relay.call('relay_post_message', {
    thread_name: 'a',
    content:
      '- [ ] open\n  - inner **one**\n- [x] done\n\ntext\n\n- [ ] also open\n- no task\n\n[![passing](https://ci.example/badge.svg)](https://ci.example/run)',
    surface: 'code',
    metadata: { ['k'.repeat(300)]: 'v' },
  })
  await using board = await openBoard(browser, relay, {
    at: '#/t/a',
    viewport: { width: 390, height: 844 },
  })
  const { page } = board
  await page.locator('.kv summary').click()
  expect(
    await page.evaluate(`[...document.querySelectorAll('.md li')]
      .filter((each) => each.textContent === 'inner one')
      .map((each) => getComputedStyle(each).display)`),
  ).toEqual(['list-item'])
  const boxes = page.locator('.box')
  expect(await boxes.count()).toBe(3)
  for (const box of await boxes.all()) {
    expect(await box.boundingBox()).toMatchObject({ width: 16, height: 16 })
  }
  expect(await page.locator('a a').count()).toBe(0)
  const badge = page.getByRole('link', { name: 'passing' })
  expect(await badge.getAttribute('href')).toBe('https://ci.example/run')
  expect(await findOverflow(page)).toBe(0)
})

test('a jump to the end marks nothing as read that was passed over', async () => {
  await using relay = await createTestRelay()
  await createLongThread(relay, 40)
  await using board = await openBoard(browser, relay, { at: '#/t/long', hasClock: true })
  const { page } = board
  await page.locator('[data-seq="11"]').waitFor()
  await page.locator('[data-seq="40"]').waitFor({ state: 'attached' })
  await page.locator('[data-seq="40"]').scrollIntoViewIfNeeded()
  // The browser notices in a later frame what is on screen.
  await settle(page)
  await page.clock.runFor(5_000)
  await settle(page)
  expect(await readCursor(relay)).toBeLessThan(20)
})

test('a message on the screen of a hidden page stays unread until the page is seen', async () => {
  await using relay = await createTestRelay()
  await relay.call('relay_post_message', { thread_name: 'plan', content: 'first', surface: 'code' })
  await using board = await openBoard(browser, relay, { hasClock: true })
  const { page } = board
  await page.getByRole('link', { name: /^plan/ }).first().waitFor()
  const hide = (hidden: boolean) =>
    page.evaluate(`Object.defineProperty(document, 'hidden', { value: ${hidden}, configurable: true })
      document.dispatchEvent(new Event('visibilitychange'))`)
  await hide(true)
  const before = await readCursor(relay)
  await go(page, '#/t/plan')
  await page.getByText('first', { exact: true }).waitFor()
  await page.clock.runFor(5_000)
  await settle(page)
  expect(await readCursor(relay)).toBe(before)
  await hide(false)
  await page.clock.runFor(5_000)
  await expect.poll(() => readCursor(relay)).toBe(1)
})
