/** Push messages in the browser: the service worker shows them, and a click opens the message. */
import type { Browser, CDPSession } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openBoard } from '../../support/board.ts'
import { openBrowser } from '../../support/browser.ts'
import { createTestRelay, type TestRelay } from '../../support/relay.ts'

let browser: Browser
beforeAll(async () => {
  browser = await openBrowser()
})
afterAll(() => browser.close())

const MESSAGE = {
  type: 'message',
  thread: 'a/b',
  author: 'laptop <b>',
  seq: 1,
  open: 3,
  link: '/board/#/t/a%2Fb/1',
  tag: 'one',
}

/**
 * Headless Chromium shows no notifications, sets no badge and lets no one click: the worker's calls of the browser
 * are recorded.
 */
const RECORD = `
  self.calls = []
  const record = (name, holder) => Object.defineProperty(holder, name, {
    value: async (...args) => void calls.push([name, ...args]),
  })
  record('showNotification', registration)
  record('setAppBadge', navigator)
  record('openWindow', clients)
  record('focus', WindowClient.prototype)
  self.click = (data) => new Promise((resolve) => dispatchEvent(
    Object.defineProperties(new ExtendableEvent('notificationclick'), {
      notification: { value: { data, close: () => calls.push(['close']) } },
      waitUntil: { value: resolve },
    })))`

/** The board with its service worker, and messages to it. */
async function openWithWorker(relay: TestRelay) {
  const board = await openBoard(browser, relay, { serviceWorkers: 'allow' })
  const { page, context } = board
  const worker = context.serviceWorkers()[0] ?? (await context.waitForEvent('serviceworker'))
  await page.evaluate('navigator.serviceWorker.ready.then(() => {})')
  await worker.evaluate(`void function () {${RECORD}}()`)
  const cdp = await context.newCDPSession(page)
  const registrationId = await findRegistration(cdp)
  return {
    ...board,
    push: (data: unknown) =>
      cdp.send('ServiceWorker.deliverPushMessage', {
        origin: relay.url,
        registrationId,
        data: typeof data === 'string' ? data : JSON.stringify(data),
      }),
    /** Clicks a notification with that link. */
    click: (link: string) => worker.evaluate(`click(${JSON.stringify(link)})`),
    /** Makes the worker believe that no board is open; without a page, the browser would stop it. */
    hidePages: () =>
      worker.evaluate(`void Object.defineProperty(clients, 'matchAll', { value: async () => [] })`),
    /** The worker's calls of the browser. */
    calls: (): Promise<unknown[]> => worker.evaluate('calls'),
  }
}

async function findRegistration(cdp: CDPSession): Promise<string> {
  const found = Promise.withResolvers<string>()
  cdp.on('ServiceWorker.workerRegistrationUpdated', ({ registrations: [first] }) => {
    if (first) found.resolve(first.registrationId)
  })
  await cdp.send('ServiceWorker.enable')
  return found.promise
}

test('the service worker is asked for again at each visit, so an update reaches every browser', async () => {
  await using relay = await createTestRelay()
  const { status, headers } = await relay.fetch('/board/sw.js')
  expect([status, headers.get('content-type'), headers.get('cache-control')]).toEqual([
    200,
    'text/javascript; charset=utf-8',
    'no-cache',
  ])
  expect(headers.get('content-security-policy')).toContain("script-src 'self'")
})

test('a push message is shown as author and thread, with the number that waits as a badge', async () => {
  await using relay = await createTestRelay()
  await using board = await openWithWorker(relay)
  await board.push(MESSAGE)
  const options = {
    body: 'Addressed to you',
    tag: 'one',
    renotify: true,
    data: '/board/#/t/a%2Fb/1',
    icon: 'icon-192.png',
  }
  await expect.poll(board.calls).toEqual([
    ['showNotification', 'laptop <b> in a/b', options],
    ['setAppBadge', 3],
  ])
  expect(board.complaints).toEqual([])
})

test.each<[string, unknown, string, string]>([
  ['a test', { type: 'test', link: '/board/' }, 'It works', '/board/'],
  ['a message of another version', { type: 'ask', thread: 'a' }, 'Relay', ''],
  ['a text', 'no JSON', 'Relay', ''],
  ['nothing', '', 'Relay', ''],
])('%s is shown too, because each push must show something', async (_, sent, title, data) => {
  await using relay = await createTestRelay()
  await using board = await openWithWorker(relay)
  await board.push(sent)
  const options = expect.objectContaining({ data, renotify: false })
  await expect.poll(board.calls).toEqual([['showNotification', title, options]])
})

test('a click leads the open board to the message, without loading it anew', async () => {
  await using relay = await createTestRelay()
  const post = { thread_name: 'a/b', content: 'the question', surface: 'code', to: 'board' }
  await relay.call('relay_post_message', post)
  await using board = await openWithWorker(relay)
  const { page } = board
  await page.evaluate('window.isTheSame = true')
  await board.click(MESSAGE.link)
  await page.getByText('the question', { exact: true }).first().waitFor()
  expect(page.url()).toBe(`${relay.url}/board/#/t/a%2Fb/1`)
  expect(await page.evaluate('window.isTheSame')).toBe(true)
  expect(await board.calls()).toEqual([['close'], ['focus']])
})

test.each([
  ['the message', MESSAGE.link, '/board/#/t/a%2Fb/1'],
  ['the board, if it leads elsewhere', 'https://evil.example/', '/board/'],
  ['the board, if there is nothing in it', '', '/board/'],
])('with no board open, a click opens %s', async (_, link, opened) => {
  await using relay = await createTestRelay()
  await using board = await openWithWorker(relay)
  await board.hidePages()
  await board.click(link)
  expect(await board.calls()).toEqual([['close'], ['openWindow', `${relay.url}${opened}`]])
})
