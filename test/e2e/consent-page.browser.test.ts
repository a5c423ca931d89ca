/** The consent page as a person meets it: in Chromium, with keyboard and mouse, on desk and phone. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openBrowser } from '../support/browser.ts'
import { createTestRelay, type TestRelay } from '../support/relay.ts'

const VERIFIER = 'a-verifier-of-forty-three-characters-or-more'
const CHALLENGE = createHash('sha256').update(VERIFIER).digest('base64url')

let browser: Browser
beforeAll(async () => {
  browser = await openBrowser()
})
afterAll(() => browser.close())

/** A client's callback: notes what arrives, and sends the browser on, as Claude's does to its app. */
async function startCallback(hop?: string) {
  const arrived: URL[] = []
  const server = createServer((request, response) => {
    arrived.push(new URL(request.url ?? '', 'http://127.0.0.1'))
    if (hop) response.writeHead(302, { location: hop }).end()
    else response.end('<title>Connected</title>')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    arrived,
    uri: `http://127.0.0.1:${(server.address() as AddressInfo).port}/callback`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
    },
  }
}

async function register(relay: TestRelay, redirectUri: string, name = 'Test client') {
  const response = await relay.fetch('/register', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ client_name: name, redirect_uris: [redirectUri] }),
  })
  return ((await response.json()) as { client_id: string }).client_id
}

async function openPage(
  relay: TestRelay,
  redirectUri: string,
  options: BrowserContextOptions & { name?: string } = {},
) {
  const { name, ...contextOptions } = options
  const context = await browser.newContext({ javaScriptEnabled: false, ...contextOptions })
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => complaints.push(message.text()))
  const client_id = await register(relay, redirectUri, name)
  const query = new URLSearchParams({
    client_id,
    redirect_uri: redirectUri,
    response_type: 'code',
    code_challenge: CHALLENGE,
    code_challenge_method: 'S256',
    state: 'the "state" & more',
    resource: `${relay.url}/mcp`,
  })
  await page.goto(`${relay.url}/authorize?${query}`)
  return { page, client_id, complaints, [Symbol.asyncDispose]: () => context.close() }
}

const key = (page: Page) => page.getByLabel('Key of this relay')

test('a wrong key, then the right one, arrives at the client with a code that works', async () => {
  await using relay = await createTestRelay({})
  await using callback = await startCallback()
  await using opened = await openPage(relay, callback.uri)
  const { page, client_id, complaints } = opened

  await key(page).fill('not the key')
  await page.getByRole('button', { name: 'Allow' }).click()
  expect(await page.getByRole('alert').textContent()).toBe('That is not the key of this relay.')
  expect(callback.arrived).toEqual([])

  await key(page).fill(`  ${relay.key}\t`)
  await page.getByRole('button', { name: 'Allow' }).click()
  await page.waitForURL(`${callback.uri}?**`)
  const [arrival] = callback.arrived
  expect(arrival?.searchParams.get('state')).toBe('the "state" & more')
  expect(arrival?.searchParams.get('iss')).toBe(relay.url)
  expect(complaints.filter((text) => /refused|policy/i.test(text))).toEqual([])

  const answer = await relay.fetch('/token', {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      code: arrival?.searchParams.get('code') ?? '',
      code_verifier: VERIFIER,
      redirect_uri: callback.uri,
      client_id,
    }),
  })
  const { access_token } = (await answer.json()) as { access_token: string }
  const call = { jsonrpc: '2.0', id: 1, method: 'tools/list' }
  const { body } = await relay.rpc(call, { authorization: `Bearer ${access_token}` })
  expect(body.result.tools).toHaveLength(6)
})

test('with only the keyboard: the key field has the focus, and Enter allows', async () => {
  await using relay = await createTestRelay({})
  await using callback = await startCallback()
  await using opened = await openPage(relay, callback.uri, { javaScriptEnabled: true })
  const { page } = opened
  await expect.poll(() => page.evaluate('document.activeElement?.id')).toBe('api_key')
  await page.keyboard.type(relay.key)
  await page.keyboard.press('Enter')
  await page.waitForURL(`${callback.uri}?**`)
  expect(callback.arrived[0]?.searchParams.has('code')).toBe(true)
})

test('cancelling needs no key and tells the client', async () => {
  await using relay = await createTestRelay({})
  await using callback = await startCallback()
  await using opened = await openPage(relay, callback.uri)
  await opened.page.getByRole('button', { name: 'Cancel' }).click()
  await opened.page.waitForURL(`${callback.uri}?**`)
  const [arrival] = callback.arrived
  expect(arrival?.searchParams.get('error')).toBe('access_denied')
  expect(arrival?.searchParams.has('code')).toBe(false)
})

test('the person can narrow the scope to reading', async () => {
  await using relay = await createTestRelay({})
  await using callback = await startCallback()
  await using opened = await openPage(relay, callback.uri)
  const { page, client_id } = opened
  await page.getByLabel('read only').check()
  await key(page).fill(relay.key)
  await page.getByRole('button', { name: 'Allow' }).click()
  await page.waitForURL(`${callback.uri}?**`)
  const answer = await relay.fetch('/token', {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      code: callback.arrived[0]?.searchParams.get('code') ?? '',
      code_verifier: VERIFIER,
      client_id,
    }),
  })
  expect(await answer.json()).toMatchObject({ scope: 'mcp:read' })
})

test('a callback that hops on to an app gets through the policy of the page', async () => {
  await using relay = await createTestRelay({})
  await using callback = await startCallback('claude://connected?from=relay')
  await using opened = await openPage(relay, callback.uri, { javaScriptEnabled: true })
  const { page, complaints } = opened
  const hop = page.waitForRequest((request) => request.url().startsWith('claude:'))
  await key(page).fill(relay.key)
  await page.getByRole('button', { name: 'Allow' }).click()
  expect((await hop).url()).toBe('claude://connected?from=relay')
  expect(callback.arrived).toHaveLength(1)
  expect(complaints.filter((text) => /form-action|Content Security Policy/i.test(text))).toEqual([])
})

test('no site can show the page in a frame', async () => {
  await using relay = await createTestRelay({})
  await using callback = await startCallback()
  const client_id = await register(relay, callback.uri)
  const context = await browser.newContext()
  const page = await context.newPage()
  const query = new URLSearchParams({
    client_id,
    redirect_uri: callback.uri,
    response_type: 'code',
    code_challenge: CHALLENGE,
    code_challenge_method: 'S256',
  })
  await page.goto(callback.uri)
  await page.setContent(`<iframe src="${relay.url}/authorize?${query}"></iframe>`)
  await expect.poll(() => page.frames().length).toBe(2)
  await expect.poll(() => page.frames()[1]?.url()).toMatch(/^chrome-error:/)
  await context.close()
})

const LONG_NAME = 'A name of <b>forty</b> wide letters WWWWWWWW'.slice(0, 40)

test.each([
  ['desktop, light', { width: 1280, height: 800 }, 'light', 'Claude'],
  ['desktop, dark', { width: 1280, height: 800 }, 'dark', 'Claude'],
  ['phone, light', { width: 360, height: 740 }, 'light', LONG_NAME],
  ['phone, dark', { width: 360, height: 740 }, 'dark', 'Claude'],
  ['phone, wrong key', { width: 360, height: 740 }, 'light', 'Claude'],
] as const)('%s: everything is on the page and nothing overflows it', async (...args) => {
  const [title, viewport, colorScheme, name] = args
  await using relay = await createTestRelay({})
  await using callback = await startCallback()
  const options = { viewport, colorScheme, name, javaScriptEnabled: true }
  await using opened = await openPage(relay, callback.uri, options)
  const { page } = opened
  if (title.includes('wrong key')) {
    await key(page).fill('wrong')
    await page.getByRole('button', { name: 'Allow' }).click()
  }
  expect(await page.title()).toBe('Connect to your relay?')
  expect(await page.locator('main').textContent()).toContain(name)
  const overflow = await page.evaluate('document.documentElement.scrollWidth - innerWidth')
  expect(overflow).toBeLessThanOrEqual(0)
  const { SCREENSHOTS } = process.env
  if (SCREENSHOTS) {
    const file = `${SCREENSHOTS}/${title.replaceAll(/\W+/g, '-')}.png`
    await page.screenshot({ path: file, fullPage: true })
  }
})
