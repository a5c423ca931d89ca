/**
 * `npm run shots -- --measure`: how the board feels, in numbers from Chromium: the time to the first rows
 * on a processor slowed down four times, layout shift, frames while scrolling a thread of 10,000 messages,
 * and the sizes of the built files.
 */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { Browser, Page } from 'playwright-core'
import { McpClient } from '../../scripts/lib/mcp-client.ts'
import { PROJECT } from '../../scripts/lib/project.ts'
import type { Settings } from '../../scripts/lib/settings.ts'
import { boardAddress } from '../../scripts/local/board-link.ts'

const SLOWDOWN = 4
const MESSAGES = 10_000
const AT_ONCE = 20

export async function measure(browser: Browser, origin: string, settings: Settings): Promise<void> {
  await fill(new McpClient(origin, settings.apiKey))
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } })
  const page = await context.newPage()
  await page.goto(await boardAddress(origin, settings, true))
  await page.locator('.row').first().waitFor()

  await page.addInitScript(`
    window.shifts = 0
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifts += entry.value
    }).observe({ type: 'layout-shift', buffered: true })
    new MutationObserver((_, observer) => {
      if (!document.querySelector('.row')) return
      observer.disconnect()
      requestAnimationFrame(() => { window.rows = performance.now() })
    }).observe(document, { subtree: true, childList: true })`)
  const session = await context.newCDPSession(page)
  await session.send('Emulation.setCPUThrottlingRate', { rate: SLOWDOWN })
  const starts: number[] = []
  for (let i = 0; i < 5; i += 1) {
    await page.goto(`${origin}/board/`)
    await page.waitForFunction(() => 'rows' in globalThis)
    starts.push(Math.round((await page.evaluate('window.rows')) as number))
  }
  console.log(
    `First rows, CPU slowed ${SLOWDOWN} times: ${starts.sort((a, b) => a - b)[2]} ms (${starts.join(', ')})`,
  )
  await session.send('Emulation.setCPUThrottlingRate', { rate: 1 })

  await page.evaluate(`location.hash = '#/t/long'`)
  await page.locator('.msg').first().waitFor()
  await page.waitForTimeout(2_000)
  const shifts = (await page.evaluate('window.shifts')) as number
  console.log(`Layout shift until a thread is open: ${shifts.toFixed(4)}`)
  await scroll(page)
  await context.close()
  for (const folder of ['board', 'app']) {
    const path = join(PROJECT, 'dist', folder)
    for (const name of await readdir(path)) {
      if (!/\.(js|css|html)$/.test(name)) continue
      const content = await readFile(join(path, name))
      console.log(
        `${folder}/${name}: ${content.length} bytes, ${gzipSync(content, { level: 9 }).length} gzip`,
      )
    }
  }
}

/** Scrolls up without pause for ten seconds; the board loads the messages it needs. */
async function scroll(page: Page): Promise<void> {
  await page.mouse.move(900, 400)
  const frames = page.evaluate(`new Promise((resolve) => {
    const times = []
    let last = performance.now()
    const end = last + 10_000
    requestAnimationFrame(function next(now) {
      times.push(now - last)
      last = now
      if (now < end) requestAnimationFrame(next)
      else resolve(times.slice(1))
    })
  })`) as Promise<number[]>
  const end = Date.now() + 10_000
  while (Date.now() < end) {
    await page.mouse.wheel(0, -600)
    await page.waitForTimeout(16)
  }
  const times = (await frames).sort((a, b) => a - b)
  const at = (part: number) => (times[Math.floor(times.length * part)] ?? 0).toFixed(1)
  const loaded = await page.locator('.msg').count()
  console.log(
    `Scrolling ${MESSAGES} messages for 10 s: ${times.length} frames, median ${at(0.5)} ms, 95 % ${at(0.95)} ms, 99 % ${at(0.99)} ms; ${loaded} messages loaded`,
  )
}

async function fill(client: McpClient): Promise<void> {
  for (let i = 0; i < MESSAGES; i += AT_ONCE) {
    await Promise.all(
      Array.from({ length: AT_ONCE }, (_, k) =>
        client.call('relay_post_message', {
          thread_name: 'long',
          surface: 'code',
          reader_tag: `session-${(i + k) % 5}`,
          content: `Step ${i + k}: **done**. See \`src/step-${i + k}.ts\`.\n\n${'More words of it. '.repeat((i + k) % 12)}`,
        }),
      ),
    )
  }
}
