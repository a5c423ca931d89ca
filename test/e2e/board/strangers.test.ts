/** Messages from strangers stay text: nothing runs, loads, asks or impersonates the board. */
import { gzipSync } from 'node:zlib'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { go, openBoard } from '../../support/board.ts'
import { openBrowser } from '../../support/browser.ts'
import { createTestRelay } from '../../support/relay.ts'

let browser: Browser
beforeAll(async () => {
  browser = await openBrowser()
})
afterAll(() => browser.close())

const CORPUS = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  '<svg onload=alert(1)><animate onbegin=alert(1) attributeName=x>',
  '<iframe srcdoc="<script>parent.alert(1)</script>"></iframe>',
  '<a href="javascript:alert(1)">a</a>',
  '[a](javascript:alert(1))',
  '[a](JaVaScRiPt&colon;alert(1))',
  '[a](java\tscript:alert(1))',
  '[a](data:text/html,<script>alert(1)</script>)',
  '[a](vbscript:msgbox(1))',
  '[a](//evil.example/x "title onclick=alert(1)")',
  '![beacon](https://evil.example/pixel.png)',
  '![x](x" onerror="alert(1))',
  '<https://evil.example/auto>',
  'https://evil.example/bare',
  '[ref]\n\n[ref]: javascript:alert(1)',
  '`<script>alert(1)</script>`',
  '```html\n<script>alert(1)</script>\n```',
  '```"><script>alert(1)</script>\ncode\n```',
  '| <script>alert(1)</script> | b |\n|---|---|\n| ![x](https://evil.example/t) | d |',
  '<style>*{display:none}</style><link rel=stylesheet href=https://evil.example/s.css>',
  '<base href="https://evil.example/"><meta http-equiv=refresh content="0;url=https://evil.example">',
  '<form action="https://evil.example"><input name=key autofocus onfocus=alert(1)></form>',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: another language's, not ours.
  '${alert(1)} {{constructor.constructor("alert(1)")()}} #{alert(1)}',
  '__proto__ constructor prototype toString',
  `${'> '.repeat(400)}deep`,
  `${'- '.repeat(400)}deep`,
  `${'['.repeat(1000)}${']'.repeat(1000)}`,
  'safe \u202egnp.exe\u202c \u2066x\u2069 \u200b\u200e\u{e0041}\u{e0042}',
  '<!-- --><![CDATA[x]]><?php echo 1 ?>',
]

/** As much of a text as a name or tag may have. */
function toLine(text: string): string {
  const visible = text.replaceAll(/[\n\t]/g, ' ').replaceAll(/[\p{Cc}\p{Cf}]/gu, '')
  return [...visible].slice(0, 150).join('').trim()
}

/** Elements that load or run something, and links to anything but pages. */
function findActive(page: Page) {
  return page.evaluate(`[...document.querySelectorAll('main *')]
    .filter((each) => each.matches('img, iframe, object, embed, form[action], style, script, link, base, meta')
      || (each.matches('a') && !/^(https?|mailto):$/.test(each.protocol))
      || each.getAttributeNames().some((name) => name.startsWith('on')))
    .map((each) => each.outerHTML)`)
}

test('in contents, names, tags, metadata and descriptions', async () => {
  await using relay = await createTestRelay()
  for (const [i, text] of CORPUS.entries()) {
    const line = toLine(text)
    const name = `${i} ${line}`
    await relay.call('relay_create_thread', { name, description: text })
    await relay.call('relay_post_message', {
      thread_name: name,
      content: `${text}\n\nend of ${i}`,
      surface: 'other',
      reader_tag: line || 'x',
      session_tag: line || 'x',
      to: line || 'x',
      // Computed, or it would set the prototype and send nothing.
      metadata: { [line]: text, ['__proto__']: text, list: [text] },
    })
  }
  await using board = await openBoard(browser, relay)
  const { page, complaints } = board
  const reports: string[] = []
  await page.exposeFunction('report', (text: string) => reports.push(text))
  await page.evaluate(
    `addEventListener('securitypolicyviolation', (event) => report(event.violatedDirective))`,
  )
  for (const [i, text] of CORPUS.entries()) {
    await go(page, `#/t/${encodeURIComponent(`${i} ${toLine(text)}`)}`)
    await page.locator('.msg', { hasText: `end of ${i}` }).waitFor()
    for (const each of await page.locator('.kv summary').all()) await each.click()
    expect(await page.locator('.kv dt').count(), text).toBe(3)
    expect(await findActive(page), text).toEqual([])
  }
  await go(page, '#/search?q=alert')
  await page.locator('.hit').first().waitFor()
  expect(await findActive(page)).toEqual([])
  await go(
    page,
    `#/search?q=${encodeURIComponent('<img src=x onerror=alert(1)>')}&from=${encodeURIComponent('"><script>')}`,
  )
  await page
    .getByText(/No message contains|messages/)
    .first()
    .waitFor()
  expect(await findActive(page)).toEqual([])
  expect(reports).toEqual([])
  expect(complaints).toEqual([])
})

test('links lead where they say, in a window that knows nothing of the board', async () => {
  await using relay = await createTestRelay()
  await relay.call('relay_post_message', {
    thread_name: 'a',
    content: '[your bank](https://evil.example/login) and https://docs.example.com/x',
    surface: 'other',
  })
  await using board = await openBoard(browser, relay, { at: '#/t/a' })
  const { page } = board
  const link = page.getByRole('link', { name: 'your bank', exact: true })
  await link.waitFor()
  expect(await link.getAttribute('rel')).toBe('noopener noreferrer')
  await page.getByText('evil.example', { exact: true }).waitFor()
  expect(await page.getByText('docs.example.com', { exact: true }).count()).toBe(0)
})

test('invisible characters are shown as marks', async () => {
  await using relay = await createTestRelay()
  await relay.call('relay_post_message', {
    thread_name: 'a',
    content: 'pay \u202ecilbup\u202c and \u{e0041} but 👩‍💻 stays',
    surface: 'other',
    reader_tag: 'board',
  })
  await using board = await openBoard(browser, relay, { at: '#/t/a' })
  const { page } = board
  await page.locator('.msg').getByText('stays').waitFor()
  const marks = await page.locator('.msg .ctl').allInnerTexts()
  expect(marks).toEqual(expect.arrayContaining(['U+202E', 'U+202C', 'U+E0041']))
  expect(await page.locator('.msg .tile.you').count()).toBe(0)
})

test('the files of the board: their headers, and nothing else is served', async () => {
  await using relay = await createTestRelay()
  const index = await relay.fetch('/board/')
  const policy = index.headers.get('content-security-policy') ?? ''
  expect(policy).toBe(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types relay-board",
  )
  const html = await index.text()
  expect(html).not.toMatch(/<script(?![^>]*src=)|\son\w+=|<style/)
  expect(html).not.toMatch(/https?:\/\//)
  // All that the page loads before it can be used, as it is sent: at most 64 KiB, and 73 with the reader of
  // Markdown, which a thread needs and the first view does not.
  const names = [...html.matchAll(/(?:src|href)="([^"]+\.(?:js|css|svg|webmanifest))"/g)]
  const files = new Map<string, Uint8Array>()
  for (const [, name = ''] of names) {
    files.set(name, await (await relay.fetch(`/board/${name}`)).bytes())
  }
  const scripts = [...files].filter(([name]) => name.endsWith('.js'))
  const code = scripts.map(([, bytes]) => new TextDecoder().decode(bytes)).join('\n')
  const imported = [...code.matchAll(/(?:from|import)"\.\/([^"]+)"/g)].map(([, name]) => name)
  expect(imported.length).toBeGreaterThan(0)
  expect([...files.keys()]).toEqual(expect.arrayContaining(imported))
  const measure = (bytes: Uint8Array) => gzipSync(bytes, { level: 9 }).length
  const total = [...files.values()].reduce(
    (sum, bytes) => sum + measure(bytes),
    measure(Buffer.from(html)),
  )
  expect(total).toBeLessThanOrEqual(64 * 1024)
  const reader = /import\("\.\/(reader-[^"]+)"\)/.exec(code)?.[1]
  const bytes = await (await relay.fetch(`/board/${reader}`)).bytes()
  expect(total + measure(bytes)).toBeLessThanOrEqual(73 * 1024)
  for (const path of [
    '/board/../package.json',
    '/board/%2e%2e/package.json',
    '/board/..%2fpackage.json',
    '/board/.draft',
    '/board/x/y.js',
    '/board//index.html',
    '/board/index.html.map',
    '/board/nothing.js',
  ]) {
    expect((await relay.fetch(path)).status, path).toBe(404)
  }
  expect((await relay.fetch('/board/', { method: 'POST' })).status).toBe(405)
  const client = await (await relay.fetch('/board/client.json')).json()
  expect(client).toMatchObject({
    client_id: `${relay.url}/board/client.json`,
    redirect_uris: [`${relay.url}/board/`],
    token_endpoint_auth_method: 'none',
  })
})
