/** The board as a view in a chat, with the official bridge as its host. */
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { seed } from '../../shots/seed.ts'
import { openBrowser } from '../../support/browser.ts'
import { createTestRelay, type TestRelay } from '../../support/relay.ts'
import { openAppHost } from './host.ts'

let browser: Browser
beforeAll(async () => {
  browser = await openBrowser()
})
afterAll(() => browser.close())

const APP = { bindings: { RELAY_APP: '1' } }
const URI = 'ui://relay/board.html'
const LIVE = { serverTools: {}, openLinks: {} }

async function readView(relay: TestRelay): Promise<string> {
  const { body } = await relay.rpc({
    jsonrpc: '2.0',
    id: 1,
    method: 'resources/read',
    params: { uri: URI },
  })
  return body.result.contents[0].text
}

test('from the result of the tool call the view shows the threads, and greets in order', async () => {
  await using relay = await createTestRelay(APP)
  await seed(relay.url, relay.key)
  await using host = await openAppHost(browser, relay, await readView(relay))
  const result = await relay.call('relay_list_threads', { preview: true })
  const { frame, ask } = await host.open({ result, context: { theme: 'light' } })
  await frame.getByText('billing-migration').waitFor()
  await frame.getByText('laptop-code').first().waitFor()
  const seen = await ask<string[]>('seen')
  expect(seen.filter((method) => !/size-changed/.test(method))).toEqual([
    'ui/initialize',
    'ui/notifications/initialized',
  ])
  // Without tool calls nothing can be opened, so nothing looks as if it could.
  expect(await frame.getByRole('button', { name: /billing-migration/ }).count()).toBe(0)
  await frame.getByText(/as of/).waitFor()
  expect(host.calls).toEqual([])
  expect(host.strangers()).toEqual([])
  expect(host.reports).toEqual([])
})

test('text without structured content is enough, and an error is shown', async () => {
  await using relay = await createTestRelay(APP)
  await seed(relay.url, relay.key)
  await using host = await openAppHost(browser, relay, await readView(relay))
  const { content } = await relay.call('relay_list_threads', { preview: true })
  const first = await host.open({ result: { content } })
  await first.frame.getByText('billing-migration').waitFor()
  const second = await host.open({
    result: { isError: true, content: [{ type: 'text', text: 'The database is away.' }] },
  })
  await second.frame.getByText('The database is away.').waitFor()
})

test('a host that never answers still sees the result of the tool call', async () => {
  await using relay = await createTestRelay(APP)
  await seed(relay.url, relay.key)
  await using host = await openAppHost(browser, relay, await readView(relay))
  const result = await relay.call('relay_list_threads', { preview: true })
  const { frame } = await host.open({ result, answers: false })
  await frame.getByText('billing-migration').waitFor()
  expect(host.reports).toEqual([])
})

test('with tool calls it follows, opens a thread, and marks nothing as read', async () => {
  await using relay = await createTestRelay(APP)
  await seed(relay.url, relay.key)
  await relay.call('relay_check_new', { reader_tag: 'phone-chat', limit: 1 })
  const cursors = async () =>
    (
      await relay.database
        .pool(1, 'postgres')
        .query('select reader_tag, thread_id, last_read_seq from relay_read_cursors order by 1, 2')
    ).rows
  const before = await cursors()
  await using host = await openAppHost(browser, relay, await readView(relay))
  const result = await relay.call('relay_list_threads', { preview: true, query: 'i' })
  const { frame, ask } = await host.open({
    result,
    capabilities: LIVE,
    input: { query: 'i', reader_tag: 'phone-chat' },
  })
  await frame.getByRole('button', { name: /billing-migration/ }).click()
  await frame.getByText('One thing only you can decide').waitFor()
  await relay.call('relay_post_message', {
    thread_name: 'billing-migration',
    content: 'Rehearsal moved to Tuesday.',
    surface: 'code',
    reader_tag: 'laptop-code',
  })
  await frame.getByText('Rehearsal moved to Tuesday.').waitFor()
  await frame.getByRole('link', { name: 'Open the board' }).click()
  await expect
    .poll(() => ask<string[]>('links'))
    .toEqual([`${relay.url}/board/#/t/billing-migration`])
  expect(JSON.stringify(host.calls)).not.toContain('reader_tag')
  const lists = host.calls.filter(({ name }) => name === 'relay_list_threads')
  expect(lists[0]?.arguments).toMatchObject({ query: 'i', preview: true })
  // The post above moved its own author's cursor, or none.
  expect(await cursors()).toEqual(before)
  expect(host.strangers()).toEqual([])
  expect(host.reports).toEqual([])
})

test('when a call is refused it stops asking, says so, and follows again when asked', async () => {
  await using relay = await createTestRelay(APP)
  await seed(relay.url, relay.key)
  await using host = await openAppHost(browser, relay, await readView(relay))
  const result = await relay.call('relay_list_threads', { preview: true })
  await host.page.clock.install()
  host.refuse()
  const { frame } = await host.open({ result, capabilities: LIVE })
  await frame.getByText('billing-migration').waitFor()
  await host.page.clock.fastForward(5_000)
  await frame.getByText('no longer follows the relay').waitFor()
  await host.page.clock.runFor(60_000)
  expect(host.calls).toHaveLength(1)
  await frame.getByRole('button', { name: 'Try again' }).click()
  await expect.poll(() => host.calls.length).toBe(2)
})

test('a view follows only while it is on screen, whatever else is on its origin', async () => {
  await using relay = await createTestRelay(APP)
  await seed(relay.url, relay.key)
  await using host = await openAppHost(browser, relay, await readView(relay))
  const result = await relay.call('relay_list_threads', { preview: true })
  await host.page.clock.install()
  const { frame } = await host.open({ result, capabilities: LIVE })
  await frame.getByText('billing-migration').waitFor()
  await frame.locator('body').evaluate(() => {
    const Channel = (globalThis as unknown as { BroadcastChannel: typeof BroadcastChannel })
      .BroadcastChannel
    new Channel('relay-app').postMessage(Number.MAX_SAFE_INTEGER)
  })
  const looks = async () => {
    const before = host.calls.length
    await host.page.clock.runFor(5_000)
    await expect.poll(() => host.calls.length).toBeGreaterThan(before)
  }
  await looks()
  expect(await frame.getByText('no longer follows the relay').count()).toBe(0)

  const scroll = (place: string) =>
    host.page.evaluate(`{
      const frame = document.querySelector('iframe')
      document.body.style.minHeight = '5000px'
      const seen = new Promise((resolve) => new IntersectionObserver(([entry], observer) => {
        if (entry.isIntersecting !== ${place === 'there'}) return
        observer.disconnect()
        resolve()
      }).observe(frame))
      scrollTo(0, ${place === 'there' ? 0 : 4_000})
      seen
    }`)
  await scroll('away')
  await host.page.clock.runFor(5_000)
  const asked = host.calls.length
  for (let i = 0; i < 6; i += 1) {
    await host.page.clock.runFor(5_000)
    await relay.call('relay_list_threads', {})
  }
  // One may have been on its way.
  expect(host.calls.length - asked).toBeLessThan(2)
  await scroll('there')
  await looks()
})

test('theme, colours, room and edges are the host’s, as long as they are only that', async () => {
  await using relay = await createTestRelay(APP)
  await seed(relay.url, relay.key)
  await using host = await openAppHost(browser, relay, await readView(relay))
  const result = await relay.call('relay_list_threads', { preview: true })
  const { frame, ask } = await host.open({
    result,
    context: {
      theme: 'dark',
      styles: {
        variables: {
          '--color-background-primary': 'rgb(1, 2, 3)',
          '--color-text-primary': 'url(https://evil.example/x)',
        },
      },
      availableDisplayModes: ['inline', 'fullscreen'],
      safeAreaInsets: { top: 0, right: 0, bottom: 34, left: 0 },
    },
  })
  const root = frame.locator('html')
  await frame.getByText('billing-migration').waitFor()
  expect(await root.getAttribute('data-theme')).toBe('dark')
  const style = (name: string) =>
    frame.locator('body').evaluate((element, name) => {
      interface Window {
        getComputedStyle(of: unknown): { getPropertyValue(name: string): string }
      }
      const { getComputedStyle } = globalThis as unknown as Window
      return getComputedStyle(element).getPropertyValue(name)
    }, name)
  expect(await style('background-color')).toBe('rgb(1, 2, 3)')
  expect(await style('color')).not.toContain('url')
  await ask(`bridge.setHostContext({ theme: 'light' })`)
  await expect.poll(() => root.getAttribute('data-theme')).toBe('light')
  const heights = (await ask<{ height: number }[]>('sizes')).map(({ height }) => height)
  expect(Math.max(...heights)).toBeLessThanOrEqual(500)
  expect(heights.at(-1)).toBeGreaterThan(100)
  await frame.getByRole('button', { name: 'Enlarge' }).click()
  await expect.poll(() => root.getAttribute('data-display')).toBe('fullscreen')
  expect(await frame.locator('.view-list li').count()).toBe(result.structuredContent.threads.length)
})

test('before it is removed it stops asking', async () => {
  await using relay = await createTestRelay(APP)
  await seed(relay.url, relay.key)
  await using host = await openAppHost(browser, relay, await readView(relay))
  await host.page.clock.install()
  const result = await relay.call('relay_list_threads', { preview: true })
  const { frame, ask } = await host.open({ result, capabilities: LIVE })
  await frame.getByText('billing-migration').waitFor()
  expect(await ask('bridge.teardownResource({})')).toEqual({})
  await host.page.clock.fastForward(60_000)
  expect(host.calls).toEqual([])
})

test('text from strangers neither runs nor loads nor asks', async () => {
  await using relay = await createTestRelay(APP)
  for (const content of [
    '<img src=https://evil.example/x onerror=alert(1)>',
    '[x](javascript:alert(1)) ![y](https://evil.example/y.png)',
    '</script><script>alert(1)</script>',
  ]) {
    await relay.call('relay_post_message', {
      thread_name: `<script>alert(${content.length})</script>`,
      content,
      surface: 'other',
      reader_tag: '"><svg onload=alert(1)>',
    })
  }
  await using host = await openAppHost(browser, relay, await readView(relay))
  const dialogs: string[] = []
  host.page.on('dialog', (dialog) => {
    dialogs.push(dialog.message())
    void dialog.dismiss()
  })
  const result = await relay.call('relay_list_threads', { preview: true })
  const { frame } = await host.open({ result, capabilities: LIVE })
  await frame
    .getByRole('button', { name: /script/ })
    .first()
    .click()
  await frame.locator('.msg').first().waitFor()
  expect(await frame.locator('main :is(img, script, iframe)').count()).toBe(0)
  expect(dialogs).toEqual([])
  expect(host.strangers()).toEqual([])
  expect(host.reports).toEqual([])
})

test.each([
  ['inline', 'light', 700],
  ['inline', 'dark', 340],
  ['fullscreen', 'light', 860],
  ['fullscreen', 'dark', 340],
] as const)('%s, %s, %i px wide: it keeps to its room', async (mode, theme, width) => {
  await using relay = await createTestRelay(APP)
  await seed(relay.url, relay.key)
  await using host = await openAppHost(browser, relay, await readView(relay), {
    colorScheme: theme,
  })
  const result = await relay.call('relay_list_threads', { preview: true })
  const context = { theme, displayMode: mode, availableDisplayModes: ['inline', 'fullscreen'] }
  const { frame, ask } = await host.open({ result, capabilities: LIVE, context, width })
  const picture = async (name: string) => {
    const { SCREENSHOTS: folder } = process.env
    if (folder)
      await host.page
        .locator('iframe')
        .screenshot({ path: `${folder}/view-${name}-${mode}-${theme}.png` })
  }
  await frame.getByText('billing-migration').waitFor()
  await picture('list')
  await frame.getByRole('button', { name: /billing-migration/ }).click()
  await frame.getByText('One thing only you can decide').waitFor({ state: 'attached' })
  await picture('thread')
  const root = frame.locator('html')
  const wide = await root.evaluate(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)
  expect(wide).toBe(0)
  if (mode === 'inline') {
    const heights = (await ask<{ height: number }[]>('sizes')).map(({ height }) => height)
    expect(Math.max(...heights)).toBeLessThanOrEqual(500)
  }
  // Content that does not fit says so, and nothing is cut off without a sign.
  const cut = frame.getByText('Long messages are cut here')
  expect(await cut.count()).toBe(mode === 'inline' ? 1 : 0)
  expect((await frame.locator('.md.ends').count()) > 0).toBe(mode === 'inline')
  const view = await frame.locator('.view').evaluate((e) => e.scrollHeight - e.clientHeight)
  expect(view).toBe(0)
  expect(host.reports).toEqual([])
})
