/** The board without the relay: its shell opens, says so, and is never older than the relay. */
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openBoard } from '../../support/board.ts'
import { openBrowser } from '../../support/browser.ts'
import { createTestRelay } from '../../support/relay.ts'
import { forward, listen } from '../../support/server.ts'

let browser: Browser
beforeAll(async () => {
  browser = await openBrowser()
})
afterAll(() => browser.close())

const ALLOWED = { serviceWorkers: 'allow' } as const

const READY = 'navigator.serviceWorker.ready.then(() => {})'

/** The addresses that are kept, by the names of the caches. */
const KEPT = `caches.keys().then(async (names) => Object.fromEntries(await Promise.all(names.map(
  async (name) => [name, (await (await caches.open(name)).keys()).map(({ url }) => new URL(url).pathname)]))))`

type Kept = Record<string, string[]>

test('without a network the board opens with what it needs, and says that the relay cannot be reached', async () => {
  await using relay = await createTestRelay()
  await using board = await openBoard(browser, relay, ALLOWED)
  const { page, context } = board
  await page.evaluate(READY)
  const [names = []] = Object.values((await page.evaluate(KEPT)) as Kept)
  expect(names).toContain('/board/')
  expect(names.filter((name) => /sw\.js|home-|style-|consent/.test(name))).toEqual([])
  await context.setOffline(true)
  await page.reload()
  await page.getByText('Offline. The board reconnects by itself.').waitFor()
  await page.getByRole('button', { name: 'Settings' }).waitFor()
  // The parts that are loaded later, with their style.
  await page.evaluate(`location.hash = '#/new'`)
  await page.getByRole('heading', { name: 'New thread' }).waitFor()
  await context.setOffline(false)
  await page.getByText('Offline.').waitFor({ state: 'detached' })
  // At the first visit that the worker serves, Chromium has the files from before in its memory.
  expect(board.complaints.filter((each) => !/service worker resource mismatch/.test(each))).toEqual(
    [],
  )
})

test('only the board’s own files are kept, and posts and the other pages are left to the network', async () => {
  await using relay = await createTestRelay()
  await using board = await openBoard(browser, relay, ALLOWED)
  const { page, context } = board
  await page.evaluate(READY)
  await page.reload()
  await page.locator('.app').waitFor()
  const all = Object.values((await page.evaluate(KEPT)) as Kept).flat()
  expect(all.filter((path) => !/^\/board\/([\w.-]+)?$/.test(path))).toEqual([])
  // A token or a text would be in an answer to a POST.
  for (const path of ['/mcp', '/manage', '/token', '/health', '/board/client.json']) {
    expect(all, path).not.toContain(path)
  }
  /** Whether the service worker answers, while the relay could. */
  const isAnswered = async (path: string, method = 'GET') => {
    const answer = page.waitForResponse((each) => each.url() === relay.url + path)
    await page.evaluate(`fetch('${path}', { method: '${method}' }).then((each) => each.text())`)
    return (await answer).fromServiceWorker()
  }
  expect(await isAnswered('/board/icon.svg')).toBe(true)
  expect(await isAnswered('/board/', 'POST')).toBe(false)
  expect(await isAnswered('/mcp', 'POST')).toBe(false)
  expect(await isAnswered('/health')).toBe(false)
  await context.setOffline(true)
  const reach = (path: string) =>
    page.evaluate(`fetch('${path}').then(({ status }) => status, () => 'no')`)
  expect(await reach('/board/icon.svg')).toBe(200)
  expect(await reach('/board/client.json')).toBe('no')
  expect(await reach('/health')).toBe('no')
})

test('an update of the relay is shown at once, and takes the place of what was kept', async () => {
  await using relay = await createTestRelay()
  let isUpdated = false
  let isAway = false
  /** The relay's files as a newer relay would have them. */
  const update = (path: string, text: string) =>
    path === '/board/'
      ? text.replace('<title>Relay', '<title>New')
      : text.replaceAll(/board-(?=[\da-f]{16})/g, 'newer-')
  await using newer = await listen(async (request, response) => {
    const path = new URL(request.url ?? '', relay.url).pathname
    if (isAway) return void response.destroy()
    if (!isUpdated || !/^\/board\/(sw\.js)?$/.test(path))
      return forward(request, response, relay.url)
    const answer = await relay.fetch(path)
    const type = answer.headers.get('content-type') ?? ''
    response.writeHead(200, { 'content-type': type, 'cache-control': 'no-cache' })
    response.end(update(path, await answer.text()))
  })
  const context = await browser.newContext(ALLOWED)
  const page = await context.newPage()
  await page.goto(`${newer.url}/board/`)
  await page.evaluate(READY)
  const [before] = Object.keys((await page.evaluate(KEPT)) as Kept)
  expect(before).toMatch(/^board-/)

  isUpdated = true
  await page.reload()
  const html = () => page.evaluate(`fetch('./').then((answer) => answer.text())`)
  expect(await html()).toContain('<title>New')
  await expect
    .poll(async () => Object.keys((await page.evaluate(KEPT)) as Kept), { timeout: 10_000 })
    .not.toContain(before)

  isAway = true
  expect(await html()).toContain('<title>New')
  await page.reload()
  await page.getByRole('button', { name: 'Sign in' }).waitFor()
  await context.close()
})

test('the board has all that a browser asks of an app to install', async () => {
  await using relay = await createTestRelay()
  await using board = await openBoard(browser, relay, ALLOWED)
  const { page, context } = board
  await page.evaluate(READY)
  const cdp = await context.newCDPSession(page)
  const { errors, data = '' } = await cdp.send('Page.getAppManifest')
  expect(errors).toEqual([])
  const manifest = JSON.parse(data)
  expect(manifest).toMatchObject({
    id: '/board/',
    start_url: '/board/',
    scope: '/board/',
    display: 'standalone',
  })
  const icons = manifest.icons.flatMap(({ sizes, purpose }: Record<string, string>) =>
    purpose?.split(' ').map((each) => `${sizes} ${each}`),
  )
  expect(icons).toEqual(expect.arrayContaining(['192x192 any', '512x512 any', '512x512 maskable']))
  for (const { src } of manifest.icons) {
    expect((await relay.fetch(`/board/${src}`)).status, src).toBe(200)
  }
})

test('the badge of the icon follows For you, and stays as it is until the relay has answered', async () => {
  await using relay = await createTestRelay()
  const ask = { thread_name: 'a', content: 'a question', surface: 'code', to: 'board' }
  await relay.call('relay_post_message', ask)
  await using board = await openBoard(browser, relay)
  const { page, context } = board
  await context.addInitScript(`
    window.badges = []
    navigator.setAppBadge = async (count) => void badges.push(count)`)
  await page.reload()
  const badges = () => page.evaluate('badges')
  await expect.poll(badges).toEqual([1])
  await page.getByRole('button', { name: /^Done/ }).click()
  await expect.poll(badges).toEqual([1, 0])
})

test('the installed board offers to stay signed in', async () => {
  await using relay = await createTestRelay()
  await using board = await openBoard(browser, relay, { signedOut: true })
  const { page, context } = board
  const choice = page.getByRole('checkbox', { name: 'Stay signed in on this device' })
  expect(await choice.isChecked()).toBe(false)
  await context.addInitScript(`
    const real = matchMedia
    window.matchMedia = (query) => query === '(display-mode: standalone)' ? { matches: true } : real(query)`)
  await page.reload()
  await expect.poll(() => choice.isChecked()).toBe(true)
})
